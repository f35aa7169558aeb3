// The body of vector_kernels_<isa>.cpp: everything with internal linkage but the table.
#include "kernels/cpu/vector_kernels.h"

namespace trady::kernels::cpu::TRADY_ISA_NAMESPACE {
namespace {
#include "kernels/cpu/simd/vector.inl"  // the types that the others are written in

#include "kernels/cpu/simd/batch_norm.inl"
#include "kernels/cpu/simd/depthwise.inl"
#include "kernels/cpu/simd/depthwise_grad_weight.inl"
#include "kernels/cpu/simd/elementwise.inl"
#include "kernels/cpu/simd/gemm.inl"
}  // namespace

extern const VectorKernels kKernels;
const VectorKernels kKernels = {kVectorFloats, gemm,          depthwise,      depthwise_grad_weight,
                                shifted_dots,  clip,          write_mask,     apply_mask,
                                add,           column_sums,   column_moments, column_products,
                                normalize,     normalize_grad};

}  // namespace trady::kernels::cpu::TRADY_ISA_NAMESPACE
