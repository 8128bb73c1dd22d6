#!/usr/bin/env bash
# Makes a fresh machine ready for Weir: distribution packages, node_modules, the addon and its BPF objects.
# Says what it does, does only what is missing, and is silent and fast where nothing is.
#
#   setup.sh            what a build needs
#   setup.sh --run      also checks that this machine can load eBPF programs (npm start)
#   setup.sh --image    also installs what makes the container image (npm run image)
#   setup.sh --tests    also installs what the tests drive (npm test), and all of the above
set -euo pipefail

# What a build needs, and what the image and the tests need on top of it: the only lists of Debian packages in the project.
BUILD_PACKAGES=(clang llvm libbpf-dev libelf-dev zlib1g-dev linux-libc-dev cmake make g++ pkg-config)
IMAGE_PACKAGES=(buildah mmdebstrap)
TEST_PACKAGES=(
  clang-format clang-tidy bpftool                                   # lint, inspection
  iproute2 iptables nftables conntrack ipset ethtool procps util-linux # network namespaces
  iperf3 nginx-light redis-server wrk curl                          # real traffic
  qemu-system-x86 mmdebstrap e2fsprogs kmod busybox-static xz-utils # other kernels
  containerd runc                                                   # the image, as nodes run it
)
# Packages above that would start a daemon when installed: the tests start their own.
DAEMONS=(nginx redis-server containerd)
# Test packages that this distribution was found not to have, so that it is not asked at every start.
UNAVAILABLE=build/.unavailable-packages

run=false image=false tests=false
for argument in "$@"; do
  case $argument in
    --run) run=true ;;
    --image) image=true ;;
    --tests) run=true image=true tests=true ;;
    *) echo "setup: unknown argument '$argument': use --run, --image, --tests or nothing" >&2; exit 2 ;;
  esac
done

# npm runs this anywhere; everything below is relative to the project.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

check_machine() {
  local capabilities
  capabilities=$((16#$(sed -n 's/^CapEff:\t//p' /proc/self/status)))
  # CAP_BPF is 39, CAP_SYS_ADMIN is 21 (linux/capability.h).
  if (((capabilities >> 39 & 1) == 0 && (capabilities >> 21 & 1) == 0)); then
    fail "Weir needs root to load eBPF programs: run it again as root, for example with sudo."
  fi
  if [[ ! -r /sys/kernel/btf/vmlinux ]]; then
    fail "this kernel has no type information at /sys/kernel/btf/vmlinux: boot a kernel built with" \
      "CONFIG_DEBUG_INFO_BTF=y (the stock kernels of Debian 11, Ubuntu 20.10, Fedora 31, RHEL 8.2 and later are)."
  fi
}

# A missing package, one per line. One call for all, because this runs at every start.
missing_packages() {
  local installed
  # A package that dpkg has never heard of makes it complain, which says nothing new.
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  printf '%s\n' "$@" | grep -vxF -e "${installed:-none}" || true
}

other_distribution() {
  local missing=() tool library
  for tool in clang llvm-strip cmake make g++ pkg-config; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  for library in libbpf libelf zlib; do
    ! command -v pkg-config >/dev/null || pkg-config --exists "$library" || missing+=("$library")
  done
  # Tests that need an image say so themselves.
  if $image && ! $tests && ! command -v buildah >/dev/null; then missing+=(buildah); fi
  if ((${#missing[@]} == 0)); then return; fi
  say "this is not Debian or Ubuntu, so install these packages yourself, then run this again (not found: ${missing[*]}):"
  cat >&2 <<'LIST'
  Fedora, RHEL   dnf install clang llvm libbpf-devel elfutils-libelf-devel zlib-devel kernel-headers cmake make gcc-c++ pkgconf
  openSUSE       zypper install clang llvm libbpf-devel libelf-devel zlib-devel linux-glibc-devel cmake make gcc-c++ pkg-config
  Arch           pacman -S clang llvm libbpf libelf zlib linux-api-headers cmake make gcc pkgconf
  for the image  buildah, on each of them
  Alpine         not supported: there is no musl build of the Node that Weir runs on
LIST
  exit 1
}

# Debian starts a daemon as soon as it is installed, unless this file says no.
install_packages() {
  local policy=/usr/sbin/policy-rc.d
  [[ $EUID == 0 ]] || fail "these packages are missing: $*. Install them, or run this again as root."
  say "installing from $(. /etc/os-release && echo "${PRETTY_NAME:-this distribution}"): $*"
  if [[ ! -e $policy ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
  "${apt[@]}" update || say "the package lists could not be updated; trying with those at hand"

  local candidates=() package
  for package in "$@"; do
    if apt-cache show "$package" >/dev/null 2>&1; then
      candidates+=("$package")
    elif [[ " ${BUILD_PACKAGES[*]} " == *" $package "* ]]; then
      fail "this distribution has no package '$package', which the build needs."
    else
      say "this distribution has no package '$package': tests that need it will say so"
      mkdir -p build && echo "$package" >>"$UNAVAILABLE"
    fi
  done
  if ((${#candidates[@]} > 0)); then
    "${apt[@]}" install -y --no-install-recommends "${candidates[@]}" >/dev/null ||
      fail "apt-get could not install: ${candidates[*]}. Its own message is above."
  fi
  for package in "${DAEMONS[@]}"; do
    # Nor at the next boot; but only where it is us who brought it.
    if [[ " $* " == *" $package"[\ -]* ]] && command -v deb-systemd-helper >/dev/null; then
      # It only works for a package that is being set up, which it knows by this variable.
      DPKG_MAINTSCRIPT_PACKAGE=$package deb-systemd-helper disable "$package.service" >/dev/null || true
    fi
  done
}

packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    other_distribution
    return
  fi
  local wanted=("${BUILD_PACKAGES[@]}") missing
  if $image; then wanted+=("${IMAGE_PACKAGES[@]}"); fi
  if $tests; then wanted+=("${TEST_PACKAGES[@]}"); fi
  mapfile -t missing < <(missing_packages "${wanted[@]}" | grep -vxFf <(cat "$UNAVAILABLE" 2>/dev/null || true))
  if ((${#missing[@]} > 0)); then install_packages "${missing[@]}"; fi
}

# node_modules is current when the lock it was installed from is today's. A developer's own `npm install` leaves no
# such copy, so npm's record of what is there is compared next.
modules_are_current() {
  local copy=node_modules/.installed-lock.json
  [[ -x node_modules/.bin/node ]] || return 1
  cmp -s package-lock.json "$copy" && return 0
  node - <<'JS' && cp package-lock.json "$copy"
const read = (path) => JSON.parse(require("node:fs").readFileSync(path, "utf8")).packages;
const wanted = read("package-lock.json");
const present = read("node_modules/.package-lock.json");
const stale = Object.entries(wanted).some(([path, { version, optional }]) =>
  path !== "" && (present[path] === undefined ? !optional : present[path].version !== version));
process.exit(stale ? 1 : 0);
JS
}

node_modules() {
  command -v npm >/dev/null || fail "npm is missing: install Node.js 18 or later with npm (Weir brings its own Node 26)."
  if modules_are_current 2>/dev/null; then return; fi
  say "installing node_modules"
  # Not `npm ci`: it refuses a lock that lacks the optional packages of foreign platforms, and ours may.
  # Versions still come from the lock, which --no-save leaves as it is. The engine warnings speak of the Node that
  # runs npm, not of the one that runs Weir.
  local install=(npm install --no-save --no-audit --no-fund --loglevel=error) machines
  machines=$(node --version)
  "${install[@]}" >&2
  [[ -x node_modules/.bin/node ]] ||
    fail "the npm package 'node' brought no Node: its install script did not run (see allowScripts in package.json)."
  # npm leaves out, without a word, the optional packages that an old Node cannot run: once more with the new one.
  if [[ $machines != "$(node_modules/.bin/node --version)" ]]; then
    PATH=$PWD/node_modules/.bin:$PATH NODE_NO_WARNINGS=1 "${install[@]}" >&2
  fi
  cp package-lock.json node_modules/.installed-lock.json
}

# Everything that the addon and the BPF objects are made of. Directories count, so a deleted file counts too.
BUILD_INPUTS=(CMakeLists.txt native bpf node_modules/node-addon-api/package.json)
STAMP=build/.built

build() {
  if [[ -e $STAMP && -z $(find "${BUILD_INPUTS[@]}" -newer "$STAMP" -print -quit) ]]; then return; fi
  say "building the addon and its BPF programs"
  mkdir -p build
  local log=build/build.log started=build/.started
  touch "$started" # what changes while the compiler runs is newer than the result
  if ! PATH=$PWD/node_modules/.bin:$PATH node_modules/.bin/cmake-js compile --parallel "$(nproc)" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "the build failed; its whole output is in $log"
  fi
  mv "$started" "$STAMP"
}

if $run; then check_machine; fi
# Two commands started at once must not build over each other.
exec {lock}<package.json
flock "$lock"
packages
node_modules
build
