#!/usr/bin/env bash
# All tests of the Neovim plugin:
#   tests/editors/neovim/run.sh HALFLINE
# HALFLINE is the program to test; HALFLINE_MODELS names the models' directory, if it is not the usual one.
# The last line is 'N passed, N failed'.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

HERE=$EDITOR_TESTS/neovim
NEOVIMS=$EDITOR_CACHE/neovim

main() {
  [ $# -eq 1 ] || { say "usage: $0 HALFLINE"; exit 2; }
  local halfline
  halfline=$(readlink -f "$1")
  [ -x "$halfline" ] || die "$1 is not a program; build it: cargo build --package halfline"
  need_tools python3=python3 tmux=tmux
  "$HERE/install.sh"

  local results
  results=$(mktemp -d)
  protocol_tests "$results"
  end_to_end_tests "$results" "$halfline"
  tally "$results"
}

# Against a scripted server, on each version there is; side by side, as they wait most of the time.
protocol_tests() {
  local results=$1 version
  [ -d "$NEOVIMS/mini.test" ] || { say "not run: the protocol tests (mini.test could not be had)"; return 0; }
  for version in 0.10 0.11 0.12; do
    [ -x "$NEOVIMS/$version/bin/nvim" ] || continue
    HALFLINE_MINI_TEST=$NEOVIMS/mini.test timeout 900 "$NEOVIMS/$version/bin/nvim" --headless -u NONE -i NONE \
      -c "luafile $HERE/unit.lua" >"$results/protocol-$version" 2>&1 &
  done
  wait
  report "$results"/protocol-*
}

# With the real server: 0.12 draws ghost text itself, on 0.11 the plugin does.
end_to_end_tests() {
  local results=$1 halfline=$2 version
  for version in 0.11 0.12; do
    [ -x "$NEOVIMS/$version/bin/nvim" ] || { say "not run: end to end on Neovim $version"; continue; }
    say "end to end on Neovim $version"
    timeout 1800 python3 "$HERE/e2e.py" "$NEOVIMS/$version/bin/nvim" "$halfline" >"$results/end-to-end-$version" 2>&1 || true
    report "$results/end-to-end-$version"
  done
}

# Show what tests printed. One that came to no closing line has failed.
report() {
  local file
  for file in "$@"; do
    grep -qE '[0-9]+ passed, [0-9]+ failed' "$file" || echo "FAILED $(basename "$file") ended early: 0 passed, 1 failed" >>"$file"
    cat "$file"
  done
}

tally() {
  local passed failed
  passed=$(cat "$1"/* | grep -oE '[0-9]+ passed' | awk '{ sum += $1 } END { print sum + 0 }')
  failed=$(cat "$1"/* | grep -oE '[0-9]+ failed$' | awk '{ sum += $1 } END { print sum + 0 }')
  rm -rf "$1"
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

main "$@"
