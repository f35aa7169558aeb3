#!/usr/bin/env bash
# make gpu-test: everything that tests can say on a machine with a GPU, in at most ten minutes with
# the build.
#
# usage: tools/gpu/test.sh [PART...]     default: all parts, in this order, after the build
#   tests       all tests; those of the GPU may not skip
#   memcheck    compute-sanitizer's memcheck on the kernel tests
#   racecheck   its racecheck
#   trajectory  fifty training steps on the GPU against the CPU
#   flowers12   three epochs on the GPU and on the CPU
# A part that cannot run here is skipped, with its reason in the summary.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tools/gpu/common.sh

data=$PWD/$build/data # where the tests' first one lays out TRADY_DATA
weights=$data/weights/mbv2-w0.35.safetensors
sanitizer_seconds=100

tests() {
  ctest --test-dir "$build" --output-on-failure --parallel "$jobs" --timeout 400
}

need_gpu() {
  [[ $TRADY_REQUIRE_GPU == 1 ]] || skip "a rehearsal without a GPU"
}

need_data() {
  need_gpu
  ctest --test-dir "$build" --output-on-failure --tests-regex '^prepare_data$' > "$scratch/data" 2>&1 \
    || cat "$scratch/data"
  [[ -f $weights && -d $data/flowers12 ]] || skip "no flowers12 and weights; set TRADY_DATA to them"
}

# sanitize TOOL: findings end with status 86. Some virtual machines do not let the tool at the GPU.
sanitize() {
  local tool=$1 test=$build/tests/cuda/test_cuda sanitizer status=0
  need_gpu
  sanitizer=$(command -v compute-sanitizer || true)
  [[ -n $sanitizer ]] || skip "there is no compute-sanitizer"
  run_tool() {
    timeout --kill-after=10 "$sanitizer_seconds" "$sanitizer" --tool "$tool" --error-exitcode 86 \
      "$test" "$@"
  }
  run_tool '[elementwise]' > "$scratch/probe" 2>&1 || status=$?
  if [[ $status -ne 0 && $status -ne 86 ]]; then
    tail -n 20 "$scratch/probe"
    skip "compute-sanitizer does not run on this machine (status $status)"
  fi
  status=0
  run_tool || status=$?
  [[ $status -ne 124 && $status -ne 137 ]] || skip "nothing found in $sanitizer_seconds s; not at its end"
  return "$status"
}

memcheck() { sanitize memcheck; }
racecheck() { sanitize racecheck; }

trajectory() {
  local precision
  need_data
  # CPU and fp32 agree but for rounding; TF32 is shown beside it.
  for precision in fp32 tf32; do
    "$build/bench/bench_trajectory" --weights "$weights" --data "$data/flowers12" --seed 0 \
      --devices cpu,cuda --precision "$precision" --out "$scratch/$precision"
  done
  python3 tools/gpu/trajectory_error.py "$scratch/fp32" --bounds 1:1e-4,5:1e-2,50:1e-1
  python3 tools/gpu/trajectory_error.py "$scratch/tf32"
}

flowers12() {
  local device
  need_data
  for device in cpu cuda; do
    "$build/tools/trady" finetune --device "$device" --weights "$weights" --data "$data/flowers12" \
      --method trady --budget 27946 --warmup 1 --epochs 2 --seed 0 --out "$scratch/$device"
  done
  "$build/tools/trady" compare "$scratch/cpu" "$scratch/cuda"
  # One standard error of 240 test images is 1.4 points near 95 %, 3 in the middle.
  python3 - "$scratch" << 'PYTHON'
import json
import pathlib
import sys

top1 = {}
for device in ("cpu", "cuda"):
    run = json.loads((pathlib.Path(sys.argv[1]) / device / "run.json").read_text())
    top1[device] = run["epochs"][-1]["test"]["accuracy"]
print(f"test accuracy: CPU {top1['cpu']:.3f}, CUDA {top1['cuda']:.3f}")
if abs(top1["cpu"] - top1["cuda"]) > 0.05 or top1["cuda"] < 0.5:
    sys.exit("flowers12: the GPU does not learn what the CPU does")
PYTHON
}

choose_parts "$@"
check_machine
if part build configure_and_build; then
  for each in "${parts[@]}"; do
    part "$each" "$each" || true
  done
fi
finish
