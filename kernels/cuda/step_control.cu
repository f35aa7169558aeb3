// What a step tells of itself (kernels/step_control.h): sums over the batch's samples, and whether
// the parameters are updated. One block, a few values: its cost is that of a launch.
#include "kernels/cuda/device/block_sum.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kThreads = 128;

struct Shared {
  double sums[kThreads];
};

// One block; thread t has samples t, t + kThreads, ...
__global__ void __launch_bounds__(kThreads)
    sum_outcome(BatchOutcome outcome, StepControl* control) {
  auto& shared = shared_memory<Shared>();
  double loss = 0, correct = 0;
  for (int64_t i = threadIdx.x; i < outcome.count; i += kThreads) {
    loss += outcome.losses[i];
    correct += outcome.predicted[i] == outcome.labels[i] ? 1 : 0;
  }
  loss = block_sum<kThreads>(loss, shared.sums);
  correct = block_sum<kThreads>(correct, shared.sums);
  if (threadIdx.x != 0) return;
  control->loss_sum = loss;
  control->correct = static_cast<int64_t>(correct);
  control->squared_norm = 0;
}

// One thread.
__global__ void decide(double clip_norm, StepControl* control, int32_t* halted) {
  const double norm = sqrt(control->squared_norm);
  control->gradient_scale = clip_norm > 0 && norm > clip_norm ? clip_norm / (norm + 1e-6) : 1;
  if (!isfinite(control->loss_sum) || !isfinite(norm)) *halted = 1;
  control->updates = *halted == 0 ? 1 : 0;
}

}  // namespace

void summarize(const BatchOutcome& outcome, StepControl* control, cudaStream_t stream) {
  launch({"summarize", dim3(1, 1, 1), dim3(kThreads, 1, 1), sizeof(Shared), stream}, sum_outcome,
         outcome, control);
}

void judge(double clip_norm, StepControl* control, int32_t* halted, cudaStream_t stream) {
  launch({"judge", dim3(1, 1, 1), dim3(1, 1, 1), 0, stream}, decide, clip_norm, control, halted);
}

}  // namespace trady::kernels::cuda
