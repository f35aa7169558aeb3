// Compiled with the flags of its instruction set (kernels/CMakeLists.txt).
#define TRADY_ISA_NAMESPACE avx2
#define TRADY_VECTOR_FLOATS 8
#include "kernels/cpu/simd/all_kernels.inl"
