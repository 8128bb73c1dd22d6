#!/usr/bin/env bash
# Builds the container image from what deploy/setup.sh built on this machine, and writes it as a Docker archive to
# dist/weir-image.tar. Needs no registry and no daemon; the same sources give the same bytes.
#
#   image.sh           dist/weir-image.tar, named localhost/weir:VERSION
#   image.sh --stage   only what the Dockerfile copies, to dist/image, for another tool to build from
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'image: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

case $* in
  "" | --stage) ;;
  *) say "unknown argument '$*': use --stage or nothing"; exit 2 ;;
esac

PATH=$PWD/node_modules/.bin:$PATH
VERSION=$(node -p 'require("./package.json").version')
NAME=localhost/weir:$VERSION
# The time that every file and the image itself carry: that of the sources, not of the build.
TIME=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1)}
STAGE=dist/image

[[ $EUID == 0 ]] || fail "files of an image belong to root: run this again as root."
umask 022
mkdir -p dist
exec {lock}<deploy/image.sh
flock "$lock" # another call may be at work in dist
work=$(mktemp -d "$PWD/dist/.image-XXXXXX")
trap 'rm -rf "$work"' EXIT

# stage_agent ROOT: the agent with its dependencies, without what Node never reads.
stage_agent() {
  local weir=$1/opt/weir
  mkdir -p "$weir/build/Release" "$weir/build/bpf" "$1/usr/local/bin"
  cp -r package.json LICENSE src "$weir"
  llvm-strip --strip-all -o "$weir/build/Release/weir.node" build/Release/weir.node
  cp build/bpf/*.bpf.o "$weir/build/bpf"
  # `npm ls` would need npm; what it reads is npm's own record of what is installed and why.
  node - "$weir" <<'JS'
const { cpSync, existsSync, readFileSync } = require("node:fs");
const { basename, join } = require("node:path");
const NOT_READ = /\.(?:d\.[cm]?ts|map|md|markdown|flow|tsbuildinfo)$/i;
const NOT_RUN = new Set(["test", "tests", "benchmarks", "docs", "examples", ".github"]);
// Only its headers are used, by the build.
const BUILD_ONLY = new Set(["node_modules/node-addon-api"]);
const { packages } = JSON.parse(readFileSync("node_modules/.package-lock.json", "utf8"));
for (const [path, { dev, devOptional }] of Object.entries(packages)) {
  // What another package has of its own comes with that.
  if (dev || devOptional || BUILD_ONLY.has(path) || path.lastIndexOf("node_modules/") > 0 || !existsSync(path)) continue;
  const filter = (file) => !NOT_READ.test(file) && !(join(file, "..") === path && NOT_RUN.has(basename(file)));
  cpSync(path, join(process.argv[2], path), { recursive: true, filter });
}
JS
  # The symbols that an addon needs are in the dynamic table, which stays.
  llvm-strip --strip-all -o "$1/usr/local/bin/node" "$(readlink -f node_modules/.bin/node)"
  printf '#!/usr/local/bin/node\nimport "/opt/weir/src/main.ts";\n' >"$1/usr/local/bin/weir"
  chmod 755 "$1/usr/local/bin/"*
}

# stage_libraries ROOT: the shared libraries that Node and the addon need, but for those of glibc, which the base has.
stage_libraries() {
  local name path package directory
  while read -r name path; do
    [[ ! $name =~ ^lib(c|m|dl|rt|pthread)\.so\. ]] || continue
    # /usr is merged with / or not: the loader looks at both places.
    directory=$1/usr$(dirname "${path#/usr}")
    mkdir -p "$directory"
    cp -L "$path" "$directory/$name"
    command -v dpkg-query >/dev/null || continue
    package=$(dpkg-query --search "$(readlink -f "$path")" 2>/dev/null || dpkg-query --search "$path")
    package=${package%%:*}
    mkdir -p "$1/usr/share/doc/$package" "$1/var/lib/dpkg/status.d"
    cp "/usr/share/doc/$package/copyright" "$1/usr/share/doc/$package/"
    # So that scanners know of the package; it is how other images without dpkg do it.
    dpkg-query --status "$package" | grep -v '^Conffiles:\|^ /' >"$1/var/lib/dpkg/status.d/$package"
  done < <(ldd build/Release/weir.node node_modules/.bin/node | awk '$2 == "=>" { print $1, $3 }' | sort -u)
}

# fill_cache ROOT: what Node makes of the sources and the dependencies, for a root file system that it may not write to.
# The same bytes every time: V8 must not seed itself nor collect garbage meanwhile, and file names are part of them, so
# that it happens at a place that is the same everywhere. Nobody else sees that mount.
fill_cache() {
  local environment node=/mnt/usr/local/bin/node
  mapfile -t environment < <(sed -n 's/^ENV //p' deploy/Dockerfile)
  # Of V8's flags only those will do that do not count when it compares its own with those of the cache.
  local quiet=(--random-seed=1 --single-threaded-gc --min-semi-space-size=256 --max-semi-space-size=256)
  # What is loaded only where the configuration asks for it.
  local late='const otlp = ["metrics", "trace"].flatMap((signal) =>
      ["grpc", "proto"].map((protocol) => `@opentelemetry/exporter-${signal}-otlp-${protocol}`));
    for (const name of ["/mnt/opt/weir/src/export/otlp/otlp-sdk.ts", "yaml", "@grpc/grpc-js", ...otlp]) await import(name);'
  unshare --mount bash -euo pipefail -c '
    mount --bind "$1" /mnt
    cd /mnt/opt/weir
    "${@:3}" src/main.ts --version >/dev/null
    "${@:3}" --input-type=module --eval "$2"
  ' fill-cache "$1" "$late" env -i "${environment[@]}" "$node" "${quiet[@]}"
}

stage() {
  say "staging the agent"
  local root=$work/root
  mkdir "$root"
  stage_agent "$root"
  stage_libraries "$root"
  fill_cache "$root"
  chmod -R u=rwX,go=rX "$root"
  rm -rf "$STAGE"
  mv "$root" "$STAGE"
}

# The repository of this machine's own release, as its apt reaches it.
mirror() {
  apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$1" '$2 == release && $3 == "main" { print $1; exit }'
}

# make_base ROOT: glibc and what its name services read, from the release of this machine.
make_base() {
  local codename site
  command -v apt-get mmdebstrap >/dev/null || fail "a base can be made on Debian and Ubuntu only. Elsewhere: npm run image -- --stage," \
    "then build deploy/Dockerfile from dist/image with BASE=IMAGE, an image of this distribution."
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  site=$(mirror "$codename")
  [[ -n $site ]] || fail "this machine's apt sources name no mirror of '$codename' to make a base from."
  say "making a base of $codename (glibc and little else)"
  mmdebstrap --quiet --mode=root --variant=extract --include=base-files,libc6,netbase \
    '--aptopt=APT::Sandbox::User "root"' '--aptopt=Acquire::Languages "none"' \
    --extract-hook='mkdir -p "$1/var/lib/dpkg/status.d"; for deb in "$1"/var/cache/apt/archives/*.deb; do
      dpkg-deb --field "$deb" >"$1/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"; done' \
    "$codename" "$1" "$site"
  (
    cd "$1"
    # What belongs to a machine, to dpkg and apt, to people, and to programs that are not there.
    rm -rf boot dev/* etc/{apt,default,dpkg,fstab,hostname,ld.so.conf.d,profile.d,resolv.conf,skel,update-motd.d} \
      usr/bin/* usr/lib/*/gconv usr/share/{base-files,doc-base,info,lintian,locale,man} \
      var/cache var/log var/lib/apt var/lib/dpkg/{alternatives,arch,info,status,triggers,updates} \
      var/lib/dpkg/status.d/mawk usr/share/doc/mawk
    chmod -R go-w,ug-s .
    chmod 1777 tmp var/tmp
    find usr/share/doc ! -type d ! -path "*/copyright" -delete
    # The kubelet's ID mappings, and Node, ask for root's entry.
    printf 'root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >etc/passwd
    printf 'root:x:0:\nnogroup:x:65534:\n' >etc/group
    printf 'hosts: files dns\n' >etc/nsswitch.conf
  )
}

# A base is made once a day: it takes a while, and should not grow old.
base() {
  local kept
  kept=dist/base-$(declare -f make_base mirror | sha256sum | cut -c1-16)
  if [[ -z $(find "$kept" -maxdepth 0 -mtime -1 2>/dev/null) ]]; then
    make_base "$work/base" >&2
    rm -rf dist/base-*
    mv "$work/base" "$kept"
    touch "$kept"
  fi
  echo "$kept"
}

build() {
  local base container
  base=$(base)
  say "building $NAME"
  local storage=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
  container=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" add --quiet "$container" "$base" / >/dev/null
  buildah "${storage[@]}" commit --quiet --timestamp "$TIME" "$container" localhost/weir-base >/dev/null
  buildah "${storage[@]}" build --quiet --isolation chroot --timestamp "$TIME" --pull-never --file deploy/Dockerfile \
    --build-arg BASE=localhost/weir-base --build-arg "VERSION=$VERSION" --tag "$NAME" "$STAGE" >/dev/null
  buildah "${storage[@]}" push --quiet "$NAME" "docker-archive:$work/image.tar:$NAME"
  mv "$work/image.tar" dist/weir-image.tar
  say "$NAME is in dist/weir-image.tar: $(($(stat -c %s dist/weir-image.tar) >> 20)) MB," \
    "sha256:$(sha256sum dist/weir-image.tar | cut -d' ' -f1)"
}

stage
if [[ ${1-} != --stage ]]; then build; fi
