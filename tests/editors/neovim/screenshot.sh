#!/usr/bin/env bash
# Takes docs/images/neovim.png anew:
#   tests/editors/neovim/screenshot.sh HALFLINE
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

[ $# -eq 1 ] || { say "usage: $0 HALFLINE"; exit 2; }
halfline=$(readlink -f "$1")
need_tools python3=python3 tmux=tmux Xvfb=xvfb xterm=xterm import=imagemagick
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf ] || install_packages fonts-dejavu-core
"$EDITOR_TESTS/neovim/install.sh"
mkdir -p "$REPOSITORY/docs/images"
python3 "$EDITOR_TESTS/neovim/screenshot.py" "$EDITOR_CACHE/neovim/0.12/bin/nvim" "$halfline" \
  "$REPOSITORY/docs/images/neovim.png"
