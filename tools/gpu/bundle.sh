#!/usr/bin/env bash
# Gathers what a machine without package registries lacks, for the scripts beside this one: the
# header-only packages with their CMake files, and real data for the tests and benches. Run it where
# the Debian packages are installed, then take the folder along, at the same place in the tree.
#
# usage: tools/gpu/bundle.sh [--no-data] [FOLDER]        default: build/gpu-bundle, below 64 MiB
# Data come from TRADY_DATA, or ../shared/data; without it the tests that need it skip.
set -euo pipefail
cd "$(dirname "$0")/../.."

with_data=yes
if [[ ${1:-} == --no-data ]]; then
  with_data=no
  shift
fi
bundle=${1:-build/gpu-bundle}
data=${TRADY_DATA:-$(dirname "$PWD")/shared/data}
packages=/usr
most_kib=$((64 * 1024))

need() {
  [[ -e $1 ]] && return
  echo "bundle.sh: there is no $1; tools/install_dependencies.sh installs it" >&2
  exit 1
}

for path in include/catch2 include/CLI include/nlohmann include/stb/stb_image.h \
  lib/cmake/Catch2 share/cmake/CLI11 share/cmake/nlohmann_json; do
  need "$packages/$path"
done

rm -rf "$bundle"
mkdir -p "$bundle"/include/stb "$bundle"/lib/cmake "$bundle"/share/cmake
cp -r "$packages"/include/{catch2,CLI,nlohmann} "$bundle/include/"
cp "$packages/include/stb/stb_image.h" "$bundle/include/stb/"
cp -r "$packages/lib/cmake/Catch2" "$bundle/lib/cmake/"
cp -r "$packages"/share/cmake/{CLI11,nlohmann_json} "$bundle/share/cmake/"
# It names a compiled library, which the tests do not use.
rm -f "$bundle"/lib/cmake/Catch2/Catch2Targets-*.cmake

# The tree may travel without its repository.
git describe --always --dirty --abbrev=40 > "$bundle/commit" 2> /dev/null || rm -f "$bundle/commit"

if [[ $with_data == yes && -d $data/weights ]]; then
  mkdir -p "$bundle/data/weights"
  cp "$data"/weights/*.pkl "$bundle/data/weights/"
  cp -r "$data/goldens" "$data/unpack.py" "$data/flowers12.zip" "$bundle/data/"
elif [[ $with_data == yes ]]; then
  echo "SKIP: no real data at $data; set TRADY_DATA to the folder that holds it"
fi

kib=$(du -sk "$bundle" | cut -f1)
echo "$bundle: $((kib / 1024)) MiB"
if [[ $kib -gt $most_kib ]]; then
  echo "bundle.sh: that is more than $((most_kib / 1024)) MiB; use --no-data" >&2
  exit 1
fi
