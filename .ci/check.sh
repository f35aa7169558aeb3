#!/usr/bin/env bash
# make check: what must hold before a change is merged. Every part must pass; none needs a GPU.
#
# usage: .ci/check.sh [PART...]     default: all parts, in this order
#   build      warnings are errors, in the build that `make test` uses
#   format     clang-format
#   lint       clang-tidy (.clang-tidy says which checks); the CUDA kernels as the host build has them
#   kernels    the CUDA kernels through nvcc; their registers, shared memory and spills
#   minimal    the libraries without oneDNN and zlib
#   asan       tests with AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan       tests of worker threads and the data loader with ThreadSanitizer
#   fuzz       parsers of files fed by libFuzzer, FUZZ_SECONDS each (default 60)
#   demo       make demo
set -euo pipefail
cd "$(dirname "$0")/.."
source .ci/timed.sh

jobs=${JOBS:-$(nproc)}
prepared_data=$PWD/build/release/data

# Under a sanitizer whole networks take minutes, and tests that start others or measure time say
# nothing new.
asan_left_out='every lower instruction set|takes less than a millisecond'
asan_left_out+='|prepare_data|convert_checkpoint.py|independent costs'
# One order of threads shows what AddressSanitizer can see; the plain tests run all three.
asan_left_out+='|on the host, (reverse|random)|on the host in random:3'
# Minutes a command there: the command line meets the sanitizers on the CPU.
asan_left_out+='|command line on the host'
tsan_tests='[Ww]orker|[Tt]hreads|[Ll]oader|cache|surface at the batch|work ahead'

# Once for all builds: the tests of the others read it too.
prepare_data() {
  ctest --test-dir build/release --output-on-failure --tests-regex '^prepare_data$'
}

build() {
  cmake --preset release -DTRADY_WERROR=ON
  cmake --build --preset release --parallel "$jobs"
  prepare_data
}

format() {
  git ls-files -z --cached --others --exclude-standard \
    '*.h' '*.cpp' '*.inl' '*.cu' '*.cuh' | xargs -0 clang-format-14 --dry-run -Werror
}

# Kernels are linted as g++ compiles them for the host (tests/cuda_on_host): clang-tidy 14 cannot
# parse CUDA 13, and of that build's options not what instruments the kernels.
lint() {
  local database=build/lint/compile_commands.json
  mkdir -p build/lint
  sed -E 's/ -f(no-)?sanitize=[^ ]*//g' build/release/compile_commands.json > "$database"
  {
    sed -nE "s|^ *\"file\": \"$PWD/(kernels/.*\.cu)\".*|\1|p" "$database" | sort -u
    git ls-files --cached --others --exclude-standard \
      'kernels/*.cpp' 'engine/*.cpp' 'models/*.cpp' 'selection/*.cpp' 'tools/*.cpp' 'bench/*.cpp'
  } | xargs -d '\n' -n 1 -P "$jobs" .ci/lint_file.sh
}

kernels() {
  export PATH=$PATH:/usr/local/cuda/bin
  if ! command -v nvcc > /dev/null; then
    echo "SKIP: no nvcc; the kernels were compiled for the host alone"
    return
  fi
  cmake --preset cuda
  cmake --build --preset cuda --parallel "$jobs"
  .ci/kernel_resources.py
}

minimal() {
  cmake --preset minimal
  cmake --build --preset minimal --parallel "$jobs"
}

# sanitized PRESET CTEST-OPTIONS...: fixtures are left out, the data is there already.
sanitized() {
  local preset=$1
  shift
  cmake --preset "$preset"
  cmake --build --preset "$preset" --parallel "$jobs"
  TRADY_PREPARED_DATA=$prepared_data ctest --test-dir "build/$preset" --output-on-failure \
    --parallel "$jobs" --no-tests=error --fixture-exclude-any '.*' "$@"
}

asan() {
  ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
    sanitized asan --exclude-regex "$asan_left_out"
}

tsan() {
  TSAN_OPTIONS=halt_on_error=1 sanitized tsan --tests-regex "$tsan_tests"
}

fuzz() {
  if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
    clang++-14 -fsanitize=fuzzer -x c++ -o /dev/null - 2> /dev/null; then
    echo "SKIP: no clang++-14 with libFuzzer; the tests ran the seeds alone"
    [[ -z ${TRADY_REQUIRE_FUZZ:-} ]] || exit 1
    return
  fi
  cmake --preset fuzz
  cmake --build --preset fuzz --parallel "$jobs"
  tests/fuzz/run.sh build/fuzz/tests/fuzz "${FUZZ_SECONDS:-60}"
}

demo() {
  tools/demo.sh build/release/tools/trady
}

tools/install_dependencies.sh --check
parts=("$@")
[[ ${#parts[@]} -gt 0 ]] || parts=(build format lint kernels minimal asan tsan fuzz demo)
for part in "${parts[@]}"; do
  if ! grep -q "^#   $part  " "$0"; then
    echo "$0: there is no part '$part'" >&2
    exit 1
  fi
done
for part in "${parts[@]}"; do timed "$part" "$part"; done
timed_summary
