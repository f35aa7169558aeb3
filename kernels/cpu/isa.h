// Which vector instructions our own kernels use on this machine.
#pragma once

namespace trady::kernels::cpu {

enum class Isa { sse2, avx2, avx512 };

/// The best level that this CPU and its operating system offer, lowered by the environment variable
/// TRADY_ISA (sse2, avx2 or avx512; a level that the CPU lacks is not raised to). Decided once.
/// Throws std::invalid_argument for any other value of the variable.
Isa active_isa();

/// "sse2", "avx2" or "avx512".
const char* isa_name(Isa isa);

}  // namespace trady::kernels::cpu
