// What the files that speak oneDNN share. Include from kernels/cpu/onednn_*.cpp alone.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/types.h"

namespace trady::kernels::cpu {

/// The process's oneDNN engine. On first use oneDNN is held to the level of TRADY_ISA and keeps no
/// cache of primitives: ours are held by the passes that own them.
const dnnl::engine& onednn_engine();

/// The calling thread's stream. On first use in a thread oneDNN's OpenMP is held to that thread
/// alone: the engine runs one worker a core, each on single-threaded primitives.
dnnl::stream& onednn_stream();

/// The descriptors of a shape: plain NHWC activations, and weights as oneDNN wants them.
struct OneDnnShape {
  explicit OneDnnShape(const ConvShape& shape);
  dnnl::memory::desc x, y, bias, any_weight, plain_weight;
  dnnl::memory::dims strides, padding_begin, padding_end;
};

dnnl::primitive_attr user_scratchpad();

}  // namespace trady::kernels::cpu
