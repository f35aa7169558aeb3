// Which vector instructions our own loops use on this machine: the kernels', and those that
// prepare images (engine/data/pixel_kernels.h).
#pragma once

namespace trady::kernels::cpu {

enum class Isa { sse2, avx2, avx512 };

/// The best level that this CPU and its operating system offer.
Isa available_isa();

/// The level to use where `requested` is the value of TRADY_ISA: null or empty for no wish, else
/// "sse2", "avx2" or "avx512". A wish lowers, it never raises above `available`.
/// Throws std::invalid_argument for any other value.
Isa choose_isa(Isa available, const char* requested);

/// choose_isa of this machine and the environment variable TRADY_ISA, decided once a process.
Isa active_isa();

/// "sse2", "avx2" or "avx512".
const char* isa_name(Isa isa);

}  // namespace trady::kernels::cpu
