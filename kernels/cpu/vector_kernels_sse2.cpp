// Compiled with the flags of its instruction set (kernels/CMakeLists.txt).
#define TRADY_ISA_NAMESPACE sse2
#define TRADY_VECTOR_FLOATS 4
#include "kernels/cpu/simd/all_kernels.inl"
