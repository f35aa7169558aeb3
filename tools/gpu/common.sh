# shellcheck shell=bash disable=SC2034
# Sourced by the scripts of this folder, from the repository root: finds the GPU, the CUDA toolkit
# and the bundle (bundle.sh), builds, and runs named parts with a summary.
#
#   TRADY_REQUIRE_GPU=0   rehearses on a machine without a GPU: what needs one is skipped
#   JOBS                  processes of a build (default: one a core)
export TRADY_REQUIRE_GPU=${TRADY_REQUIRE_GPU:-1}
jobs=${JOBS:-$(nproc)}
build=build/gpu
bundle=$PWD/build/gpu-bundle
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

export PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin
if [[ -z ${TRADY_DATA:-} && -d $bundle/data ]]; then
  export TRADY_DATA=$bundle/data
fi
if [[ -z ${TRADY_COMMIT:-} && -f $bundle/commit ]] && ! git rev-parse HEAD > /dev/null 2>&1; then
  TRADY_COMMIT=$(< "$bundle/commit")
  export TRADY_COMMIT
fi

# gpu_query FIELD: of the first GPU; nothing where there is none.
gpu_query() {
  nvidia-smi --query-gpu="$1" --format=csv,noheader 2> /dev/null | head -n 1 || true
}

# Fails at once, and not after the build, where there is nothing to run on.
check_machine() {
  if ! command -v nvcc > /dev/null; then
    echo "There is no nvcc: install the CUDA toolkit, or say where it is with CUDA_HOME" >&2
    exit 1
  fi
  if [[ $TRADY_REQUIRE_GPU != 1 ]]; then
    echo "Rehearsal (TRADY_REQUIRE_GPU=$TRADY_REQUIRE_GPU): what needs a GPU is skipped"
  elif ! compgen -G '/dev/nvidia[0-9]*' > /dev/null && [[ -z $(gpu_query name) ]]; then
    echo "There is no NVIDIA GPU here, or no driver: nvidia-smi lists none." >&2
    echo "TRADY_REQUIRE_GPU=0 rehearses everything that needs none." >&2
    exit 1
  fi
  echo "GPU: $(gpu_query name), driver $(gpu_query driver_version)"
  nvcc --version | tail -n 2 | head -n 1
}

# cuBLAS and cuDNN that came with Python packages, for what the toolkit lacks.
python_libraries() {
  python3 - << 'PYTHON' 2> /dev/null || true
import pathlib
import nvidia

WANTED = {
    "CUDA_cublasLt_LIBRARY": "libcublasLt.so.*",
    "TRADY_CUBLASLT_INCLUDE": "cublasLt.h",
    "TRADY_CUDNN_LIBRARY": "libcudnn.so.*",
    "TRADY_CUDNN_INCLUDE": "cudnn_graph.h",
}
for variable, name in WANTED.items():
    for root in nvidia.__path__:
        found = sorted(pathlib.Path(root).rglob(name))
        if found:
            print(variable, found[0].parent if name.endswith(".h") else found[0])
            break
PYTHON
}

# Options of CMake for what python_libraries found and the toolkit has not.
vendor_options() {
  local toolkit variable path there
  toolkit=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
  python_libraries | while read -r variable path; do
    case $variable in
      *CUBLASLT* | *cublasLt*) there=$(find "$toolkit/" -name 'libcublasLt.so' -print -quit) ;;
      *) there=$(find /usr/include "$toolkit/" -name cudnn_graph.h -print -quit) ;;
    esac
    [[ -n $there ]] || echo "-D$variable=$path"
  done
}

configure_and_build() {
  local options=() capability
  capability=$(gpu_query compute_cap | tr -d .)
  # Otherwise that of the preset, which asks nvcc for the GPU's own.
  options+=("-DCMAKE_CUDA_ARCHITECTURES=${capability:-90}-real")
  options+=("-DTRADY_PYTHON=$(command -v python3)")
  if [[ -d $bundle/include ]]; then
    # Headers that are older than a compiler may forget what newer standard libraries no longer
    # bring along.
    options+=("-DCMAKE_PREFIX_PATH=$bundle" "-DCMAKE_CXX_FLAGS=-include cstdint")
  fi
  mapfile -t -O "${#options[@]}" options < <(vendor_options)
  printf '  %s\n' "${options[@]}"
  cmake --preset gpu "${options[@]}"
  cmake --build --preset gpu --parallel "$jobs"
}

# skip REASON: ends a part that cannot run here.
skip() {
  echo "SKIP: $*"
  echo "$*" > "$scratch/skip"
  exit 77
}

# part NAME COMMAND...: the command's output under a heading; its outcome goes to the summary. A
# failure does not end the script: the other parts still tell something.
summary=()
failures=0
part() {
  local name=$1 begin=$SECONDS status outcome
  shift
  printf '\n==== %s\n' "$name"
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  case $status in
    0) outcome=ok ;;
    77) outcome="SKIP: $(< "$scratch/skip")" ;;
    *)
      outcome="FAILED (exit status $status)"
      failures=$((failures + 1))
      ;;
  esac
  summary+=("$(printf '%6d s  %-12s %s' $((SECONDS - begin)) "$name" "$outcome")")
  [[ $outcome != FAILED* ]]
}

# Prints the summary; the exit status of the script.
finish() {
  printf '\n'
  printf '%s\n' "${summary[@]}"
  [[ $failures -eq 0 ]]
}

# The parts that the script's head lists ("#   name   what"), or those that are asked for.
choose_parts() {
  local known wanted
  mapfile -t known < <(sed -n 's/^#   \([a-z_0-9]*\)  .*/\1/p' "$0")
  parts=("$@")
  [[ ${#parts[@]} -gt 0 ]] || parts=("${known[@]}")
  for wanted in "${parts[@]}"; do
    if [[ ! " ${known[*]} " == *" $wanted "* ]]; then
      echo "$0: there is no part '$wanted'; there are ${known[*]}" >&2
      exit 2
    fi
  done
}
