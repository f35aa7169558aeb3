#!/usr/bin/env bash
# Adapts a network that has seen the classes 0-4 of Fashion-MNIST to the classes 5-9: the classifier
# alone, TraDy with 2 % of the network's memory, and everything; then shows the three side by side.
# usage: demo.sh TRADY_BINARY [OUT]
set -euo pipefail
trady=$1
out=${2:-runs/demo}
root=$(cd "$(dirname "$0")/.." && pwd)
images=/usr/share/datasets/fashion-mnist
network=$root/models/pretrained/mbv2-w0.35-fashion-mnist-0-4.safetensors

if [[ ! -d $images ]]; then
  echo "demo.sh: $images is missing; install Debian's package dataset-fashion-mnist" >&2
  exit 1
fi
mkdir -p "$out"

# Every method at a learning rate that suits it: the more it updates, the smaller.
adapt() {
  local method=$1 rate=$2
  shift 2
  rm -rf "${out:?}/$method"
  "$trady" finetune --weights "$network" --data "$images" --classes 5,6,7,8,9 --recipe none \
    --method "$method" --lr "$rate" --epochs 3 --warmup 1 --batch 32 --seed 0 \
    --out "$out/$method" "$@"
}
adapt head 0.3
adapt trady 0.2 --budget 2%
adapt full 0.1

echo
"$trady" compare "$out/head" "$out/trady" "$out/full"
cat <<END

What to try next:
  $trady plan --weights $network --method trady --budget 2%
  $trady finetune --help
  $trady inspect $out/trady/run.json
With photographs of your own: a folder train/CLASS/*.jpg and test/CLASS/*.jpg, and pretrained weights
from tools/convert_checkpoint.py (README.md).
END
