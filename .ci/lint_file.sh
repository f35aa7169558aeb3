#!/usr/bin/env bash
# clang-tidy on one file, silent unless it finds something. `check.sh lint` prepares build/lint.
set -euo pipefail
# Options of g++ that clang does not know are no finding.
options=(--extra-arg=-Wno-unknown-warning-option)
if [[ $1 == *.cu ]]; then options+=(--extra-arg="-include$PWD/.ci/source_location.h"); fi
if ! output=$(clang-tidy-14 -p build/lint --quiet --warnings-as-errors='*' "${options[@]}" \
  "$1" 2>&1); then
  echo "$output"
  exit 1
fi
