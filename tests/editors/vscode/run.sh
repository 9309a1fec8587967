#!/usr/bin/env bash
# Builds and packages the VS Code extension, then tests it: its parts alone, in the real editor with a scripted server, and
# in the real editor with the real server and a real model. Prints 'N passed, N failed' last and exits 1 if any failed.
#
#   HALFLINE_BIN     the halfline binary to test (default: target/release/halfline, else target/debug/halfline)
#   HALFLINE_MODELS  the folder its models lie in (default: the program's own)
#
# --update-images    also renew docs/images/vscode.png from this run
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=$here/../.cache/vscode
extension=$root/editors/vscode

if [ -z "${HALFLINE_BIN:-}" ]; then
  for candidate in "$root/target/release/halfline" "$root/target/debug/halfline"; do
    [ -x "$candidate" ] && HALFLINE_BIN=$candidate && break
  done
fi
[ -x "${HALFLINE_BIN:-}" ] || { echo "no halfline binary: build one (cargo build --release) or set HALFLINE_BIN" >&2; exit 2; }
export HALFLINE_BIN

"$here/install.sh"
export PATH=$cache/node-bin:$PATH

cd "$extension"
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
npm run --silent check
npm run --silent package >/dev/null
(cd "$here/rustc-diagnostics" && "$extension/node_modules/.bin/vsce" package --no-dependencies --skip-license --allow-missing-repository \
  --out "$cache/rustc-diagnostics.vsix" >/dev/null)

cd "$here"
status=0
node --test --test-concurrency=1 --test-reporter="$here/reporter.ts" --test-reporter-destination=stdout \
  "$extension/test/*.test.ts" "$here/*.test.ts" || status=1
if [ "${1:-}" = --update-images ] && [ "$status" = 0 ]; then
  mkdir -p "$root/docs/images"
  cp "$cache/pictures/vscode.png" "$root/docs/images/vscode.png"
fi
exit "$status"
