#!/usr/bin/env bash
# Everything about the sources that can be checked without running them: format, lint, types, import direction, dead
# code. All of it runs, so that one sees every complaint. `--write` puts the formatting right instead.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PWD/node_modules/.bin:$PATH

# The C of bpf/ and of tests is in the kernel's style, native/ has its own.
format_each() {
  find bpf test -path test/tools -prune -o -name '*.[ch]' -print0 | xargs -0 clang-format --style=file:bpf/.clang-format "$@" &&
    find native -name '*.cpp' -print0 -o -name '*.h' -print0 | xargs -0 clang-format "$@"
}

if [[ ${1:-} == --write ]]; then
  set -e
  biome check --write .
  if command -v clang-format >/dev/null; then format_each -i; fi
  node test/house/generated.ts
  exit
fi

passed=0 failed=0
step() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); printf '== %s: failed\n' "$name"; fi
}

need() { command -v "$1" >/dev/null || { echo "$1 is missing: deploy/setup.sh --tests installs it"; return 1; }; }
format_native() { need clang-format && format_each --dry-run --Werror; }
tidy_native() {
  need clang-tidy || return 1
  [[ -e build/compile_commands.json ]] || { echo "build/compile_commands.json is missing: run npm run build"; return 1; }
  # System headers make thousands of warnings that clang-tidy then says it suppressed.
  printf '%s\0' native/core/*.cpp native/binding/*.cpp |
    xargs -0 -n1 -P"$(nproc)" clang-tidy -p build --quiet 2> >(grep -v 'warnings generated' >&2)
}
shell_syntax() { git ls-files -z '*.sh' .ci/run | xargs -0 -n1 bash -n; }

step "format and lint (TypeScript, JSON)" biome ci --colors=off --error-on-warnings .
step "types" tsc -p .
step "import direction" node test/house/imports.ts
step "generated files" node test/house/generated.ts --check
step "dead code" knip
step "format (C, C++, BPF)" format_native
step "lint (C++)" tidy_native
step "shell syntax" shell_syntax
printf '\n%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
((failed == 0))
