#!/usr/bin/env bash
# Runs the addon's tests, and then real traffic, on a build with AddressSanitizer, LeakSanitizer and
# UndefinedBehaviorSanitizer. Fails on any report. The build has a folder of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=$PWD/node_modules/.bin:$PATH
export WEIR_BUILD=$PWD/build/sanitized

mkdir -p "$WEIR_BUILD"
log=$WEIR_BUILD/build.log
cmake-js compile --out "$WEIR_BUILD" --config RelWithDebInfo --CDWEIR_SANITIZE=ON --parallel "$(nproc)" >"$log" 2>&1 ||
  { tail -n 60 "$log" >&2; echo "the sanitizer build failed; its whole output is in $log" >&2; exit 1; }
# cmake-js names the folder after the configuration
ln -sfn RelWithDebInfo "$WEIR_BUILD/Release"

# Node itself is not sanitized, so the runtimes must be there first.
preload="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/test/house/leaks.txt:print_suppressions=0

run() { LD_PRELOAD=$preload ASAN_OPTIONS=halt_on_error=1:detect_leaks=$1 node test/run.ts "${@:2}"; }
run 1 native
# not for leaks: the programs that make the traffic have some
run 0 kernel/traffic.test.ts
