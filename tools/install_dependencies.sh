#!/usr/bin/env bash
# Installs the Debian packages that the build needs and that are missing. Asks for nothing, and
# does nothing where all are there.
#
# usage: tools/install_dependencies.sh [--check|--package]
#   --check     also what `make check` needs: format, lint, fuzz
#   --package   also what `make package` needs
set -euo pipefail

# libdnnl-dev's CMake files look for OpenCL, which it does not depend on.
packages=(
  g++ cmake ninja-build ccache ocl-icd-opencl-dev
  libdnnl-dev nlohmann-json3-dev libcli11-dev zlib1g-dev libstb-dev catch2
  dataset-fashion-mnist python3 python3-numpy python3-pil
)
if [[ ${1:-} == --check ]]; then
  # libomp gives clang-tidy the omp.h that g++ has of its own.
  packages+=(clang-format-14 clang-tidy-14 libomp-14-dev clang-14 libclang-rt-14-dev)
fi
if [[ ${1:-} == --package ]]; then
  packages+=(dpkg-dev)
fi

if ! command -v dpkg-query > /dev/null; then
  echo "This system is not Debian: the build needs what Debian calls ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $(id -u) -ne 0 ]]; then
  echo "Missing Debian packages. Install them as root, then try again:" >&2
  echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" < /dev/null
