#!/usr/bin/env bash
# make gpu-bench: what this GPU makes of the project, in at most ten minutes with the build.
#
# usage: tools/gpu/bench.sh [PART...]     default: all parts, in this order, after the build
#   passes       our kernels, cuBLAS and cuDNN, pass by pass: what the CUDA device chooses by
#   rebuild      the same build, with these choices
#   grad_weight  sliced weight gradients beside the libraries and the floor
#   step         training steps, their memory and energy, beside PyTorch on the same GPU
#   tables       tables of all of it
# Results go to RESULTS (default: bench/results), as cuda/*.json and cuda_passes-GPU.json.
# PYTORCH names the python that has PyTorch (default: python3).
set -euo pipefail
cd "$(dirname "$0")/../.."
source tools/gpu/common.sh

results=${RESULTS:-bench/results}
pytorch=${PYTORCH:-python3}
gpu=$(gpu_query name | tr '[:upper:]' '[:lower:]' | tr -cs '[:alnum:]\n' '-')
gpu=${gpu:-none}
batch=128

need_gpu() {
  [[ $TRADY_REQUIRE_GPU == 1 ]] || skip "a rehearsal without a GPU"
}

passes() {
  need_gpu
  "$build/bench/bench_cuda_passes" --batch "$batch" --out "$results/cuda_passes-$gpu.json"
}

# The build takes the choices from bench/results.
rebuild() {
  need_gpu
  [[ -f $results/cuda_passes-$gpu.json ]] || skip "there are no choices of this GPU"
  if [[ ! $results -ef bench/results ]]; then
    cp "$results/cuda_passes-$gpu.json" bench/results/
  fi
  cmake --build --preset gpu --parallel "$jobs"
}

grad_weight() {
  need_gpu
  timeout 200 "$build/bench/bench_cuda_grad_weight" --batch "$batch" \
    --out "$results/cuda/grad_weight-$gpu.json"
}

step() {
  need_gpu
  local options=(--batch "$batch" --threads "$jobs") peer=() data=$build/data/weights
  local network=(--model mbv2-w0.35)
  if [[ -f $data/mbv2-w0.35.safetensors ]]; then
    network=(--weights "$data/mbv2-w0.35.safetensors")
  fi
  if "$pytorch" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
    # Compiling takes most of the time: what is not ready after so many seconds is left out.
    peer=(--peer "$pytorch bench/peers/step.py --serve --device cuda ${network[*]} ${options[*]} \
--pool-file selection/rankings/mbv2-w0.35.json --rounds 3 --steps 20 --build-seconds 120")
  else
    echo "SKIP: $pytorch has no PyTorch that sees the GPU; our side alone"
  fi
  "$build/bench/bench_step" --device cuda "${network[@]}" "${options[@]}" --steps 20 --rounds 15 \
    "${peer[@]}" --out "$results/cuda/step-$gpu.json"
}

tables() {
  python3 bench/make_results.py --gpu "$results"
}

choose_parts "$@"
check_machine
mkdir -p "$results/cuda"
if part build configure_and_build; then
  for each in "${parts[@]}"; do
    part "$each" "$each" || true
  done
fi
finish
