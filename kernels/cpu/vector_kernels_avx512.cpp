// Compiled with the flags of its instruction set (kernels/CMakeLists.txt).
#define TRADY_ISA_NAMESPACE avx512
#define TRADY_VECTOR_FLOATS 16
#include "kernels/cpu/simd/all_kernels.inl"
