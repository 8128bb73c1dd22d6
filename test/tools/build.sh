#!/bin/bash
# Builds the real programs that tests run against, from Go modules, once per machine.
#
#   test/tools/build.sh [NAME…]        build what is named (by default all but kwok): one line per tool, then the directory of the binaries
#   test/tools/build.sh --dir [NAME…]  the same, quiet on standard output but for the directory
#   test/tools/build.sh --check [NAME…] build nothing: exit 0 where all of them are there, 3 or 4 where not
#
# NAME: kubernetes (kube-apiserver, kubectl), etcd, collector (otelcol), prometheus (prometheus, promtool); and for a whole cluster:
# kubelet (with kube-proxy, kube-scheduler, kube-controller-manager), containerd (with its shim and ctr), coredns, flannel (flanneld);
# and for a benchmark alone: kwok.
# Binaries are kept under ${XDG_CACHE_HOME:-~/.cache}/weir/tools/NAME-KEY, where KEY is a hash of the tool's module files and of its recipe
# below; the directory that is printed holds links to the current ones. A warm call compares hashes and no more.
# Exit codes: 0 done, 1 a build failed, 2 unknown name, 3 not built and Go is missing, 4 (--check only) not built, but it can be.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir/tools
bin=$cache/bin

all=(kubernetes etcd collector prometheus kubelet containerd coredns flannel)
on_demand=(kwok)

# The programs that a tool consists of, as files in the directory of the binaries.
programs() {
  case $1 in
    kubernetes) echo kube-apiserver kubectl ;;
    etcd) echo etcd ;;
    collector) echo otelcol ;;
    prometheus) echo prometheus promtool ;;
    kubelet) echo kubelet kube-proxy kube-scheduler kube-controller-manager ;;
    containerd) echo containerd containerd-shim-runc-v2 ctr ;;
    coredns) echo coredns ;;
    flannel) echo flanneld ;;
    kwok) echo kwok kwok-stages.yaml ;;
    *) return 1 ;;
  esac
}

# The directory of a tool's module. Kubernetes' is shared: a control plane's storage and API are needed far more often than nodes.
module() { if [ "$1" = kubelet ]; then echo "$here/kubernetes"; else echo "$here/$1"; fi; }

strip='-s -w'

# Without a version the API server announces v0.0.0 and clients that negotiate features by version misbehave.
kubernetes_flags() {
  local package
  printf '%s' "$strip"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf ' -X %s' $package.gitVersion=v1.37.1 $package.gitMajor=1 $package.gitMinor=37 $package.gitCommit=test \
      $package.gitTreeState=clean $package.buildDate=2026-01-01T00:00:00Z
  done
}

# recipe_NAME OUTDIR: compiles inside the tool's module. Its text is part of the key, so a changed flag means a new build.
recipe_kubernetes() {
  go build -trimpath -ldflags "$(kubernetes_flags)" -o "$1/" k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl
}
recipe_kubelet() {
  go build -trimpath -ldflags "$(kubernetes_flags)" -o "$1/" k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kube-proxy \
    k8s.io/kubernetes/cmd/kube-scheduler k8s.io/kubernetes/cmd/kube-controller-manager
}
recipe_etcd() { go build -trimpath -ldflags "$strip" -o "$1/etcd" go.etcd.io/etcd/server/v3; }
recipe_collector() { go build -trimpath -ldflags "$strip" -o "$1/otelcol" .; }
recipe_prometheus() {
  # Service discovery for every cloud is half of Prometheus' size; tests scrape fixed targets.
  go build -trimpath -tags remove_all_sd -ldflags "$strip -X github.com/prometheus/common/version.Version=3.15.0" -o "$1/" \
    github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
}
recipe_containerd() {
  local commands=github.com/containerd/containerd/v2/cmd
  # Snapshotters that need libraries in C; tests use overlayfs.
  go build -trimpath -tags no_btrfs,no_zfs,no_devmapper -ldflags "$strip -X github.com/containerd/containerd/v2/version.Version=v2.4.2" \
    -o "$1/" $commands/containerd $commands/containerd-shim-runc-v2 $commands/ctr
}
recipe_coredns() { go build -trimpath -ldflags "$strip" -o "$1/coredns" .; }
recipe_kwok() {
  local stages stage
  go build -trimpath -ldflags "$strip" -o "$1/kwok" sigs.k8s.io/kwok/cmd/kwok
  # What fake nodes and pods do, which kwok has in its sources and not in itself. Executable, as all that is linked has to be.
  stages=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
  for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease pod/fast/pod-{ready,complete,delete}; do
    echo ---
    cat "$stages/$stage.yaml"
  done >"$1/kwok-stages.yaml"
  chmod 755 "$1/kwok-stages.yaml"
}
recipe_flannel() { go build -trimpath -ldflags "$strip" -o "$1/flanneld" .; }

# key NAME: over the module files, the sources where there are any, and the recipe.
key() { (cd "$(module "$1")" && { declare -f "recipe_$1" kubernetes_flags; for file in go.mod go.sum *.go; do [ ! -e "$file" ] || cat "$file"; done; } | sha256sum | cut -c1-16); }

# link NAME STORE: points the printed directory at this build; atomic, because tests of several checkouts may run side by side.
link() {
  local program
  for program in $(programs "$1"); do
    [ "$(readlink "$bin/$program" 2>/dev/null)" != "$2/$program" ] || continue
    ln -s "$2/$program" "$bin/.$program.$$"
    mv -T "$bin/.$program.$$" "$bin/$program"
  done
}

complete() { local program; for program in $(programs "$1"); do [ -x "$2/$program" ] || return 1; done; }

# Finds a Go that can fetch the newer toolchain its modules may ask for, or ends with 3.
find_go() {
  local version
  command -v go >/dev/null || no_go "$1" "there is no \`go\` in PATH"
  version=$(go env GOVERSION 2>/dev/null || :) # such as go1.26.8
  [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21)) || no_go "$1" "\`go\` in PATH is ${version:-of unknown version}"
}

no_go() {
  echo "Cannot build $1: it needs Go 1.26 (1.21 or later fetches that itself), but $2. Install Go, see https://go.dev/doc/install, and try again." >&2
  exit 3
}

# In a shell of its own, out of the way of everything else on the machine.
compile() (
  cd "$(module "$1")"
  renice -n 10 -p "$BASHPID" >/dev/null
  export GOFLAGS='-buildvcs=false -mod=readonly' CGO_ENABLED=0 GOWORK=off GO111MODULE=on
  "recipe_$1" "$2"
)

build() {
  local name=$1 store=$2 started=$SECONDS
  find_go "$name"
  exec {lock}>"$cache/.$name.lock"
  flock "$lock" # another call may be building the same: wait for it rather than compile twice
  if ! complete "$name" "$store"; then
    work=$(mktemp -d "$cache/.$name.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    if ! compile "$name" "$work" >"$work/log" 2>&1; then
      grep -v '^go: downloading' "$work/log" | tail -n 30 >&2
      echo "Cannot build $name: see the lines above; its module is $(module "$name")." >&2
      exit 1
    fi
    rm "$work/log"
    chmod 755 "$work"
    rm -rf "$store"
    mv -T "$work" "$store"
    # Builds of older module files are of no use any more.
    find "$cache" -maxdepth 1 -name "$name-*" ! -path "$store" -mtime +7 -exec rm -rf {} +
  fi
  exec {lock}>&-
  say "$name: built in $((SECONDS - started)) s"
}

quiet= check=
while [[ ${1-} == --* ]]; do
  case $1 in
    --dir) quiet=1 ;;
    --check) check=1 quiet=1 ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
say() { [ -n "$quiet" ] || echo "$1"; }
(($#)) || set -- "${all[@]}"
for name in "$@"; do
  programs "$name" >/dev/null || { echo "Cannot build \"$name\": no such tool, known are ${all[*]} ${on_demand[*]}" >&2; exit 2; }
done

mkdir -p "$bin"
for name in "$@"; do
  store=$cache/$name-$(key "$name")
  if complete "$name" "$store"; then
    say "$name: cached"
  elif [ -n "$check" ]; then
    find_go "$name"
    echo "$name is not built yet" >&2
    exit 4
  else
    build "$name" "$store"
  fi
  link "$name" "$store"
done
echo "$bin"
