// "Save in the forward epilogue": a convolution's output channels that the next layer's sliced
// weight gradient needs are packed while y is written, without another pass over y.
#pragma once

#include <cstdint>

#include "kernels/backend.h"

namespace trady::kernels::cuda {

/// A forward pass that can pack while it writes.
class SavingConvForward : public ConvForward {
 public:
  virtual void run_and_save(const Buffers& buffers, const PackedSave& save) const = 0;
  bool packs_output() const final { return true; }
  void run(const Buffers& buffers) const final { run_and_save(buffers, buffers.save); }
};

}  // namespace trady::kernels::cuda
