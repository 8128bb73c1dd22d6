#!/usr/bin/env bash
# Runs the addon's tests on a build with AddressSanitizer and UndefinedBehaviorSanitizer. It has a tree of its own below
# build/, so that the ordinary build stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD tree=$PWD/build/sanitized
export PATH=$root/node_modules/.bin:$PATH

mkdir -p "$tree"
for part in CMakeLists.txt package.json bpf native src test; do
  rm -rf "${tree:?}/$part"
  cp -r "$root/$part" "$tree/$part"
done
ln -sfn "$root/node_modules" "$tree/node_modules"
cd "$tree"
cmake-js compile --config RelWithDebInfo --CDWEIR_SANITIZE=ON --parallel "$(nproc)" >build.log 2>&1 ||
  { tail -n 60 build.log >&2; echo "the sanitizer build failed; its whole output is in $tree/build.log" >&2; exit 1; }
# cmake-js names the folder after the configuration.
if [[ -d build/RelWithDebInfo ]]; then ln -sfn RelWithDebInfo build/Release; fi

# Node itself is not sanitized, so the runtimes must be there first. Node and V8 keep memory until the process ends,
# which is no leak of ours.
LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
  exec node test/run.ts native
