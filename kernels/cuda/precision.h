// How the matrix products of the CUDA device round their operands.
#pragma once

namespace trady::kernels::cuda {

enum class Precision {
  tf32,  ///< operands rounded to 10 bits of fraction, sums in fp32
  fp32,  ///< exact products, sums in fp32
};

}  // namespace trady::kernels::cuda
