#!/usr/bin/env bash
# clang-tidy on one file, silent unless it finds something.
set -euo pipefail
# Options of g++ that clang does not know are no finding.
if ! output=$(clang-tidy-14 -p build/release --quiet --warnings-as-errors='*' \
  --extra-arg=-Wno-unknown-warning-option "$1" 2>&1); then
  echo "$output"
  exit 1
fi
