// SGD in place on the listed slices of a weight [C'][k][k][C] (or depthwise [C][k][k]) and nothing
// else; dw is packed as ConvGradWeight writes it. The formula is kernels/backend.h's.
// Floor: 12 bytes an element of dw (20 with momentum), more where the listed input channels lie
// apart: then w moves in 32-byte sectors.
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/slices.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

struct Rule {
  float weight_decay, momentum;
  const float* row_scale;  // [C'], or null: all 1
  int64_t row_elements;    // weights of one output channel
};

// A thread updates one weight.
__global__ void __launch_bounds__(kFlatThreads)
    step_down(float* w,         // whole
              const float* dw,  // packed
              SliceLayout layout, int64_t packed,
              const int32_t* channels,  // [count], or null: all, in order
              Rule rule,
              float* velocity,  // whole, or null
              const StepControl* control) {
  const int64_t i = flat_index();
  if (i >= packed || control->updates == 0) return;
  const int64_t at = channels ? layout.whole_index(i, channels) : i;
  float step = static_cast<float>(control->gradient_scale) * dw[i];
  if (rule.weight_decay != 0) step += rule.weight_decay * w[at];
  if (velocity) velocity[at] = step = rule.momentum * velocity[at] + step;
  auto rate = static_cast<float>(control->learning_rate);
  if (rule.row_scale) rate *= rule.row_scale[at / rule.row_elements];
  w[at] -= rate * step;
}

}  // namespace

void sgd(const ConvShape& shape, const SgdArgs& args, cudaStream_t stream) {
  const SliceLayout layout(shape, args.kind, args.channels.count);
  const int64_t packed = layout.slice_elements * layout.count;
  const Rule rule{static_cast<float>(args.weight_decay), static_cast<float>(args.momentum),
                  static_cast<const float*>(args.row_scale), shape.weight_elements() / shape.out_c};
  launch(flat_launch("sgd", packed, stream), step_down, static_cast<float*>(args.w),
         static_cast<const float*>(args.dw), layout, packed, args.channels.index, rule,
         static_cast<float*>(args.velocity), args.control);
}

}  // namespace trady::kernels::cuda
