#!/usr/bin/env bash
# All tests of the VS Code extension: its parts alone, in the real editor with a scripted server, and in the real editor
# with the real server and a real model.
#   tests/editors/vscode/run.sh [--update-images] [HALFLINE]
# HALFLINE is the program to test (default: $HALFLINE_BIN); HALFLINE_MODELS names the models' directory, if it is not the
# usual one. --update-images renews the README's picture if all passed. The last line is 'N passed, N failed'.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

HERE=$EDITOR_TESTS/vscode
CACHE=$EDITOR_CACHE/vscode
EXTENSION=$REPOSITORY/editors/vscode

main() {
  local images=no
  [ "${1:-}" != --update-images ] || { images=yes; shift; }
  HALFLINE_BIN=$(readlink -f "${1:-${HALFLINE_BIN:-}}" || true)
  [ -n "$HALFLINE_BIN" ] || { say "usage: $0 [--update-images] HALFLINE"; exit 2; }
  [ -x "$HALFLINE_BIN" ] || die "$HALFLINE_BIN is not a program; build it: cargo build --package halfline"
  have rustc || die "rustc is needed: what it says about a file is what gets explained"
  "$HERE/install.sh"
  PATH=$CACHE/node-bin:$PATH
  package_extensions
  run_tests
  [ "$images" = no ] || { mkdir -p "$REPOSITORY/docs/images" && cp "$CACHE/pictures/vscode.png" "$REPOSITORY/docs/images/"; }
}

package_extensions() {
  local installed=$EXTENSION/node_modules/.package-lock.json
  cd "$EXTENSION"
  if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  fi
  npm run --silent check >&2
  npm run --silent package >/dev/null
  (cd "$HERE/rustc-diagnostics" && "$EXTENSION/node_modules/.bin/vsce" package --no-dependencies --skip-license \
    --allow-missing-repository --out "$CACHE/rustc-diagnostics.vsix" >/dev/null)
}

# One file after the other: two editors at once would be slower than the patience of the tests.
run_tests() {
  cd "$HERE"
  HALFLINE_BIN=$HALFLINE_BIN HALFLINE_VSCODE_CACHE=$CACHE timeout 1800 node --test --test-concurrency=1 \
    --test-reporter="$HERE/reporter.ts" --test-reporter-destination=stdout "$EXTENSION/test/*.test.ts" "$HERE/*.test.ts"
}

main "$@"
