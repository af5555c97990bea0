#!/usr/bin/env bash
# Installs Apache Mesos 1.11.0 (master and agent) under PREFIX; see README.md.
#
#   sandbox/install.sh [PREFIX]      PREFIX is target/mesos-1.11.0 unless given
#
# A finished installation is left as it is, unless these files changed. Two at
# once are safe: the second waits for the first.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=${1:-$(dirname "$here")/target/mesos-1.11.0}

# The package is one archive of files for Linux on x86-64; the digest also pins
# the build whose layout mesos-node.cpp knows.
requirement='mesos-scheduler==1.11.0.linux-x86_64 --hash=sha256:1d376f20bca6d05ee8b90c1c123a452b28753497ccc2f1c80ea3ac94c12e8f6e'
sources=(install.sh absent-libraries.c mesos-containerizer mesos-executor mesos-fetcher mesos-node.cpp run-node)
runtime_libraries=(libsvn_delta-1.so.1 libsvn_subr-1.so.1 libapr-1.so.0 libsasl2.so.2)
packages=(g++ libapr1 libsasl2-2 libsasl2-modules libsvn1 python3-minimal python3-pip)

fail() {
  echo "sandbox/install.sh: $*" >&2
  exit 1
}

fingerprint() { (cd "$here" && sha256sum "${sources[@]}"); }

is_installed() {
  [ -f "$prefix/installed" ] && fingerprint | cmp -s - "$prefix/installed"
}

check_machine() {
  local machine
  machine="$(uname -s) $(uname -m)"
  [ "$machine" = 'Linux x86_64' ] ||
    fail "Mesos 1.11.0 is there for Linux on x86-64 alone, and this machine is '$machine'; use the Vagrant sandbox on an x86-64 machine."
}

# A python3 whose pip works, the one on PATH first: it may be pyenv's.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

missing_parts() {
  local library known
  known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p)
  for library in "${runtime_libraries[@]}"; do
    [[ $known == *"$library"* ]] || echo "$library"
  done
  command -v g++ >/dev/null || echo 'a C++ compiler (g++)'
  find_python >/dev/null || echo "Python's pip"
  # The agent's helpers run in containers, with the machine's own Python.
  command -v python3 >/dev/null || echo 'python3'
}

install_packages() {
  local missing remedy
  missing=$(missing_parts | paste -sd, | sed 's/,/, /g')
  [ -n "$missing" ] || return 0
  remedy="apt-get install --no-install-recommends ${packages[*]}"
  command -v apt-get >/dev/null ||
    fail "missing: $missing; on Debian 12: $remedy"
  [ "$(id -u)" = 0 ] ||
    fail "missing: $missing; they need root: sudo $remedy"
  echo "Installing Debian packages for: $missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 update -qq >&2 || fail 'apt-get update failed; see above, and check the network and the clock.'
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${packages[@]}" >"$work/apt.log" 2>&1 || {
    cat "$work/apt.log" >&2
    fail "could not install Debian packages; see above, then try: $remedy"
  }
  missing=$(missing_parts | paste -sd, | sed 's/,/, /g')
  [ -z "$missing" ] || fail "still missing after installing packages: $missing; Debian 12 is needed."
}

# pip checks the digest and unpacks the archive, then stops with an error, since
# what it unpacked is no Python project; --no-clean keeps it in the TMPDIR.
fetch_library() {
  local log=$work/pip.log found
  echo "$requirement" >"$work/requirements.txt"
  mkdir "$work/unpacked"
  TMPDIR=$work/unpacked "$(find_python)" -m pip download --quiet --no-deps --no-clean --no-cache-dir \
    --require-hashes --requirement "$work/requirements.txt" --dest "$work/out" >"$log" 2>&1 || true
  found=$(find "$work/unpacked" -name _scheduler.so -print -quit)
  [ -n "$found" ] || {
    cat "$log" >&2
    fail 'pip could not fetch mesos-scheduler 1.11.0; see above. Where TLS is inspected, set PIP_CERT to the CA bundle; behind a proxy, HTTPS_PROXY.'
  }
  mv "$found" "$staged/lib/libmesos.so"
}

build_absent_library() {
  gcc -O1 -Wall -shared -fPIC "-D$1" "-Wl,-soname,$2" -o "$staged/lib/$2" "$here/absent-libraries.c"
}

# -z lazy, as Python's functions stay undefined; an RPATH and no RUNPATH, as it
# has to serve the libraries that libmesos itself asks for.
build_node() {
  build_absent_library LIBCRYPTO libcrypto.so.1.0.0
  build_absent_library LIBSSL libssl.so.1.0.0
  build_absent_library LIBCURL libcurl.so.4
  # shellcheck disable=SC2016  # $ORIGIN is for the dynamic linker
  g++ -std=c++17 -O1 -Wall -rdynamic -o "$staged/mesos-node" "$here/mesos-node.cpp" \
    -L"$staged/lib" -l:libmesos.so \
    -Wl,--allow-shlib-undefined -Wl,-z,lazy \
    -Wl,--disable-new-dtags -Wl,-rpath,'$ORIGIN/lib' -Wl,-rpath-link,"$staged/lib"
}

# mesos-node without arguments prints its usage and exits with 2: it loads.
check_node() {
  local status=0
  "$staged/mesos-node" 2>"$work/node.log" || status=$?
  [ "$status" = 2 ] || {
    cat "$work/node.log" >&2
    fail "the mesos-node just built does not start (status $status); Debian 12 on x86-64 is needed."
  }
}

# They start with every container, so by their interpreter itself: pyenv's python3 takes several
# times as long. The system's is there for all users.
install_helpers() {
  local helper python=/usr/bin/python3
  [ -x "$python" ] || python=$(python3 -c 'import sys; print(sys.executable)')
  for helper in mesos-containerizer mesos-executor mesos-fetcher; do
    sed "1s|.*|#!$python -IS|" "$here/$helper" >"$staged/libexec/$helper"
    chmod 755 "$staged/libexec/$helper"
  done
}

check_machine
mkdir -p "$(dirname "$prefix")" 2>/dev/null ||
  fail "cannot create '$(dirname "$prefix")'; name a prefix you may write to: sandbox/install.sh PREFIX"
prefix=$(cd "$(dirname "$prefix")" && pwd)/$(basename "$prefix")
[ -w "$(dirname "$prefix")" ] ||
  fail "cannot write to '$(dirname "$prefix")'; name a prefix you may write to, or run as root."

exec 9>"$prefix.lock"
flock 9
if is_installed; then exit 0; fi

# Built beside the prefix and then moved there, so a prefix is whole or absent.
work=$(mktemp -d "$prefix.XXXXXX")
trap 'rm -rf "$work"' EXIT
staged=$work/staged
mkdir -p "$staged/lib" "$staged/libexec"

install_packages
fetch_library
build_node
check_node
install_helpers
install -m 755 "$here/run-node" "$staged/"
fingerprint >"$staged/installed"
chmod 755 "$staged"
rm -rf "$prefix"
mv "$staged" "$prefix"
echo "Installed Mesos 1.11.0 in $prefix" >&2
