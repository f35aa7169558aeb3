// "Save in the forward epilogue": a convolution's output channels that the next layer's sliced
// weight gradient needs are packed while y is written, without another pass over y.
#pragma once

#include <cstdint>

#include "kernels/backend.h"

namespace trady::kernels::cuda {

/// Device pointers. out[p][slot[o]] = y[p][o] for every output channel o with slot[o] >= 0.
struct PackedSave {
  const int32_t* slot = nullptr;  ///< [C'], column of `out` or -1; null: nothing is saved
  float* out = nullptr;           ///< [positions, count]
  int64_t count = 0;
};

/// A forward pass that can pack while it writes.
class SavingConvForward : public ConvForward {
 public:
  virtual void run_and_save(const Buffers& buffers, const PackedSave& save) const = 0;
  void run(const Buffers& buffers) const final { run_and_save(buffers, {}); }
};

}  // namespace trady::kernels::cuda
