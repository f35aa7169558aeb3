#!/usr/bin/env bash
# Installs the packages that `make package` made into a minimal Debian 12 of its own, with what they
# depend on and nothing else, and uses them there. Needs root, debootstrap and the network.
#
# usage: test_package.sh FOLDER [--dev]
#   --dev   also trady-dev: builds and runs an example in that Debian (fetches a compiler)
# DEBIAN_MIRROR in the environment: where packages come from.
set -euo pipefail
packages=$(cd "$1" && pwd)
dev=${2:-}
source=$(cd "$(dirname "$0")/../.." && pwd)
network=$source/models/pretrained/mbv2-w0.35-fashion-mnist-0-4.safetensors
images=/usr/share/datasets/fashion-mnist

if [[ $(id -u) -ne 0 ]] || ! command -v debootstrap > /dev/null; then
  echo "SKIP: needs root and debootstrap (apt-get install debootstrap)"
  exit 0
fi
shopt -s nullglob
runtime=("$packages"/trady_*.deb) development=("$packages"/trady-dev_*.deb)
if [[ ${#runtime[@]} -ne 1 || ${#development[@]} -ne 1 ]]; then
  echo "$packages holds ${#runtime[@]} packages trady and ${#development[@]} trady-dev; expected" \
    "one of each: empty it and run make package" >&2
  exit 1
fi

root=$(mktemp -d)
clean_up() {
  umount -q "$root/proc" "$root/sys" || true
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# inside COMMAND...: as root of the new Debian.
inside() {
  chroot "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin DEBIAN_FRONTEND=noninteractive \
    LC_ALL=C.UTF-8 "$@"
}

# expect PATTERN COMMAND...: what it prints, on standard output and here.
expect() {
  local pattern=$1 output
  shift
  output=$(inside "$@" 2>&1) || fail "$*: $output"
  grep -qE -e "$pattern" <<< "$output" || fail "$* does not print '$pattern': $output"
  echo "ok: $*"
}

install_packages() {
  inside apt-get install -y -qq --no-install-recommends "$@" < /dev/null > "$root/apt.log" 2>&1 ||
    fail "apt-get install $*: $(tail -n 20 "$root/apt.log")"
}

echo "A minimal Debian 12 in $root"
debootstrap --variant=minbase bookworm "$root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
  > "$root.log" 2>&1 || fail "debootstrap: $(tail -n 5 "$root.log")"
rm "$root.log"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
cp "${runtime[0]}" "${development[0]}" "$network" "$root/root/"
network=/root/$(basename "$network")

install_packages "/root/$(basename "${runtime[0]}")"
expect '^[0-9]+\.[0-9]+\.[0-9]+$' trady --version
expect 'mbv2-w0.35' trady plan --model mbv2-w0.35 --method trady --budget 27946
expect 'mbv2-w0.35' trady inspect "$network"
expect '^usage: trady-convert' trady-convert --help
expect '^finetune$' bash -c 'source /usr/share/bash-completion/completions/trady
  COMP_WORDS=(trady fine) COMP_CWORD=1; _trady trady fine trady; echo "${COMPREPLY[@]}"'
if [[ -d $images ]]; then
  mkdir -p "$root$images"
  cp "$images"/* "$root$images/"
  expect '9[0-9]\.[0-9]+ %' trady eval --weights "$network" --data "$images" --classes 0,1,2,3,4 \
    --recipe none
fi

if [[ $dev == --dev ]]; then
  install_packages "/root/$(basename "${development[0]}")" g++ cmake make
  cp -r "$source/docs/examples/method" "$root/root/"
  expect '-- Build files' cmake -S /root/method -B /root/build -DCMAKE_BUILD_TYPE=Release
  expect 'Built target method' cmake --build /root/build
  expect 'usage: method' bash -c '/root/build/method || true'
  inside dpkg --purge trady-dev > /dev/null
fi

inside dpkg --purge trady > /dev/null
left=$(find "$root/usr" -name '*trady*')
[[ -z $left ]] || fail "purged, it leaves $left"
echo "ok: nothing is left of it when it is purged"
