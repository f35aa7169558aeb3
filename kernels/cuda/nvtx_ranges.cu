// A label is two ranges, the subject's and within it the pass's: so profilers sum by layer too, and
// no text has to be put together. Ranges are of the host; steps that are replayed as a graph have
// none, and kernels there carry their own names.
#include "kernels/cuda/nvtx_ranges.h"

#include "kernels/cuda/device/nvtx.cuh"
#include "kernels/trace.h"

namespace trady::kernels::cuda {
namespace {

void open_ranges(const char* subject, const char* pass) {
  nvtxRangePushA(subject);
  if (pass != nullptr) nvtxRangePushA(pass);
}

void close_ranges(const char*, const char* pass) {
  if (pass != nullptr) nvtxRangePop();
  nvtxRangePop();
}

}  // namespace

void show_labels_to_profilers() {
  static constexpr LabelObserver kObserver{open_ranges, close_ranges};
  observe_labels(&kObserver);
}

}  // namespace trady::kernels::cuda
