# What Debian 12 packages each command needs; sourced by the scripts beside it.
#
# install_packages NAME...   installs those that are missing, as root or with sudo; quick when there is nothing to do.

packages_build=(build-essential cmake ninja-build pkg-config ccache
  liburing-dev libsodium-dev libssl-dev libboost-dev libexpected-dev libfmt-dev libspdlog-dev libcli11-dev
  libtomlplusplus-dev nlohmann-json3-dev libzstd-dev libmimalloc-dev)
packages_test=(clang clang-format libclang-rt-14-dev lld libgtest-dev libgmock-dev
  curl python3 python3-requests chromium e2fsprogs mount valgrind)
packages_bench=(libbenchmark-dev libsqlite3-dev nginx-light python3 procps)

install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "These packages are missing, and there is neither root nor sudo to install them:" >&2
      printf '  %s\n' "${missing[@]}" >&2
      echo "Ask an administrator for: apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "Installing: ${missing[*]}"
  local log
  log=$(mktemp)
  if "${as_root[@]}" apt-get update -qq >"$log" 2>&1 &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    echo "apt-get failed; its words are above. Is this Debian 12 (or later) with a reachable package mirror?" >&2
    return 1
  fi
}

# build PRESET TARGET...   configures once and builds; prints the log only when it fails.
build() {
  local preset=$1
  shift
  local log=build/$preset.log
  mkdir -p build
  if [ ! -f "build/$preset/build.ninja" ]; then
    cmake --preset "$preset" "${configure_options[@]}" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  fi
  echo "Building ($preset) ..."
  if [ -t 1 ]; then
    cmake --build "build/$preset" --target "$@" || return 1
  else
    cmake --build "build/$preset" --target "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  fi
}
configure_options=()
