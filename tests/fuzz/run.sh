#!/usr/bin/env bash
# Runs every fuzz target for some seconds, as many at a time as there are processors (JOBS). What a
# target learns stays in the folder of the build (corpus/), what ends it too (findings/): move that to
# tests/fuzz/corpus/TARGET once it is mended, and every build will run it.
#
# usage: tests/fuzz/run.sh BUILD [SECONDS [TARGET...]]     default: 60 seconds, all targets
set -euo pipefail

build=$1
seconds=${2:-60}
shift $(($# < 2 ? $# : 2))
seeds=$(dirname "$0")/corpus
[[ $# -gt 0 ]] || set -- $(ls "$seeds")

# A record of CIFAR has 3074 bytes; the other formats say everything in less.
fuzz() {
  local target=$1
  mkdir -p "$build/corpus/$target" "$build/findings"
  local log=$build/findings/$target.log status=0
  UBSAN_OPTIONS=print_stacktrace=1 "$build/fuzz_$target" "$build/corpus/$target" "$seeds/$target" \
    -max_total_time="$seconds" -max_len=6200 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$build/findings/$target-" -print_final_stats=1 > "$log" 2>&1 || status=$?
  local executions
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if [[ $status -ne 0 ]]; then
    echo "FOUND by fuzz_$target after ${executions:-?} executions (exit $status):"
    grep -v '^#[0-9]*[[:space:]]' "$log" | tail -60
    return 1
  fi
  echo "fuzz_$target: $executions executions, nothing found"
}

export -f fuzz
export build seconds seeds
printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -I TARGET bash -c 'fuzz TARGET'
