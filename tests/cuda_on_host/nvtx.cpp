#include "cuda_on_host/nvtx.h"

namespace {

thread_local std::vector<std::string> ranges;

}  // namespace

int nvtxRangePushA(const char* message) {
  ranges.emplace_back(message);
  return static_cast<int>(ranges.size()) - 1;
}

int nvtxRangePop() {
  if (ranges.empty()) return -1;
  ranges.pop_back();
  return static_cast<int>(ranges.size());
}

namespace cuda_on_host {

std::vector<std::string> open_ranges() {
  return ranges;
}

}  // namespace cuda_on_host
