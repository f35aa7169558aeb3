// A device that is the host itself: its memory is the host's, copies are plain ones, primitives run
// when they are called, so nothing is transferred beside them and nothing recorded.
#include <cmath>
#include <cstring>
#include <new>

#include "kernels/backend.h"

namespace trady::kernels {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void* Backend::allocate(int64_t bytes) const {
  return bytes > 0 ? ::operator new(static_cast<size_t>(bytes), kAlignment) : nullptr;
}

void Backend::release(void* memory) const {
  ::operator delete(memory, kAlignment);
}

void Backend::upload(const void* host, int64_t bytes, void* memory) const {
  if (bytes > 0) std::memcpy(memory, host, static_cast<size_t>(bytes));
}

void Backend::download(const void* memory, int64_t bytes, void* host) const {
  if (bytes > 0) std::memcpy(host, memory, static_cast<size_t>(bytes));
}

void Backend::synchronize() const {}

void Backend::summarize(const BatchOutcome& outcome, StepControl* control) const {
  control->loss_sum = 0;
  control->correct = 0;
  control->squared_norm = 0;
  for (int64_t i = 0; i < outcome.count; ++i) {
    control->loss_sum += outcome.losses[i];
    control->correct += outcome.predicted[i] == outcome.labels[i];
  }
}

void Backend::judge(double clip_norm, StepControl* control, int32_t* halted) const {
  const double norm = std::sqrt(control->squared_norm);
  control->gradient_scale = clip_norm > 0 && norm > clip_norm ? clip_norm / (norm + 1e-6) : 1;
  if (!std::isfinite(control->loss_sum) || !std::isfinite(norm)) *halted = 1;
  control->updates = *halted == 0;
}

std::unique_ptr<Transfers> Backend::make_transfers(int, int64_t) const {
  return nullptr;
}

std::unique_ptr<Recording> Backend::record(const std::function<void()>&) const {
  return nullptr;
}

}  // namespace trady::kernels
