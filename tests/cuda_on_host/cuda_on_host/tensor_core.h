// mma.sync.m16n8k8 with TF32 operands, lane by lane after the tables of the PTX ISA ("Matrix
// Fragments for mma.m16n8k8").
#pragma once

#include <cstdint>
#include <source_location>

namespace cuda_on_host {

/// cvt.rna.tf32.f32: 10 bits of fraction, to nearest, ties away from zero.
uint32_t to_tf32(float value);

/// d += A B over the fragments of the 32 lanes of a warp, all of which must take part. The low 13
/// bits of the operands are ignored; products and sums are float32.
void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      std::source_location where = std::source_location::current());

}  // namespace cuda_on_host
