// -fsanitize=thread also replaces std::atomic and __atomic_* in .cu files by calls. Kernels may not
// use them; for the host functions of such a file they do what they say.
#include <cstdint>

#include "block.h"
#include "report.h"

namespace {

void refuse_in_kernel() {
  if (cuda_on_host::running_thread) {
    cuda_on_host::report(
        [] { return "std::atomic or a __atomic function; kernels use atomicAdd and the like"; });
  }
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier, bugprone-macro-parentheses): the compiler chose the
// names. Memory orders are taken as the strictest.
#define CUDA_ON_HOST_FETCH(bits, type, name)                                         \
  type __tsan_atomic##bits##_fetch_##name(volatile type* address, type value, int) { \
    refuse_in_kernel();                                                              \
    return __atomic_fetch_##name(address, value, __ATOMIC_SEQ_CST);                  \
  }

#define CUDA_ON_HOST_ATOMICS(bits, type)                                                    \
  type __tsan_atomic##bits##_load(const volatile type* address, int) {                      \
    refuse_in_kernel();                                                                     \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                                      \
  }                                                                                         \
  void __tsan_atomic##bits##_store(volatile type* address, type value, int) {               \
    refuse_in_kernel();                                                                     \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                                     \
  }                                                                                         \
  type __tsan_atomic##bits##_exchange(volatile type* address, type value, int) {            \
    refuse_in_kernel();                                                                     \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);                           \
  }                                                                                         \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* address, type* expected, \
                                                    type value, int, int) {                 \
    refuse_in_kernel();                                                                     \
    return __atomic_compare_exchange_n(address, expected, value, false, __ATOMIC_SEQ_CST,   \
                                       __ATOMIC_SEQ_CST);                                   \
  }                                                                                         \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* address, type* expected,   \
                                                  type value, int, int) {                   \
    refuse_in_kernel();                                                                     \
    return __atomic_compare_exchange_n(address, expected, value, false, __ATOMIC_SEQ_CST,   \
                                       __ATOMIC_SEQ_CST);                                   \
  }                                                                                         \
  CUDA_ON_HOST_FETCH(bits, type, add)                                                       \
  CUDA_ON_HOST_FETCH(bits, type, sub)                                                       \
  CUDA_ON_HOST_FETCH(bits, type, and)                                                       \
  CUDA_ON_HOST_FETCH(bits, type, or)                                                        \
  CUDA_ON_HOST_FETCH(bits, type, xor)                                                       \
  CUDA_ON_HOST_FETCH(bits, type, nand)

extern "C" {

CUDA_ON_HOST_ATOMICS(8, uint8_t)
CUDA_ON_HOST_ATOMICS(16, uint16_t)
CUDA_ON_HOST_ATOMICS(32, uint32_t)
CUDA_ON_HOST_ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
}
// NOLINTEND(bugprone-reserved-identifier, bugprone-macro-parentheses)
