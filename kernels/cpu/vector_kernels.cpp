#include "kernels/cpu/vector_kernels.h"

namespace trady::kernels::cpu {

namespace sse2 {
extern const VectorKernels kKernels;
}
namespace avx2 {
extern const VectorKernels kKernels;
}
namespace avx512 {
extern const VectorKernels kKernels;
}

const VectorKernels& vector_kernels(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return avx512::kKernels;
    case Isa::avx2:
      return avx2::kKernels;
    case Isa::sse2:
      break;
  }
  return sse2::kKernels;
}

const VectorKernels& vector_kernels() {
  static const VectorKernels& kernels = vector_kernels(active_isa());
  return kernels;
}

}  // namespace trady::kernels::cpu
