#include "kernels/cpu/isa.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace trady::kernels::cpu {
Isa available_isa() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::sse2;
  // The extensions that vector_kernels_avx512.cpp is compiled for; Skylake-X has them all.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  return avx512 ? Isa::avx512 : Isa::avx2;
}

Isa choose_isa(Isa available, const char* requested) {
  if (requested == nullptr || *requested == '\0') return available;
  const std::string name = requested;
  for (const Isa isa : {Isa::sse2, Isa::avx2, Isa::avx512}) {
    if (name == isa_name(isa)) return std::min(isa, available);
  }
  throw std::invalid_argument("TRADY_ISA=" + name + ": expected sse2, avx2 or avx512");
}

Isa active_isa() {
  static const Isa isa = choose_isa(available_isa(), std::getenv("TRADY_ISA"));
  return isa;
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::sse2:
      return "sse2";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

}  // namespace trady::kernels::cpu
