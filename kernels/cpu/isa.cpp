#include "kernels/cpu/isa.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace trady::kernels::cpu {
namespace {

Isa detect() {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!avx2) return Isa::sse2;
  // The four extensions that vector_kernels_avx512.cpp is compiled for; Skylake-X has them all.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  return avx512 ? Isa::avx512 : Isa::avx2;
}

Isa requested() {
  const char* variable = std::getenv("TRADY_ISA");
  if (variable == nullptr || *variable == '\0') return Isa::avx512;
  const std::string name = variable;
  for (const Isa isa : {Isa::sse2, Isa::avx2, Isa::avx512}) {
    if (name == isa_name(isa)) return isa;
  }
  throw std::invalid_argument("TRADY_ISA=" + name + ": expected sse2, avx2 or avx512");
}

}  // namespace

Isa active_isa() {
  static const Isa isa = std::min(detect(), requested());
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
