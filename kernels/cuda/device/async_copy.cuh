// cp.async: 16 or 4 bytes from global to shared memory, past the registers (sm_80 on). What was
// copied may be read by the copying thread after async_wait, by others after a barrier that
// follows. 4 bytes serve gathered channels and rows whose length is no multiple of 16 bytes.
#pragma once

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// Both pointers 16-byte aligned. `valid` false writes zeros and reads nothing (PTX ISA, cp.async
/// with src-size 0).
__device__ __forceinline__ void async_copy16(float* shared, const float* global, bool valid) {
#ifdef __CUDACC__
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes)
               : "memory");
#else
  cuda_on_host::async_copy16(shared, global, valid);
#endif
}

/// As async_copy16, one float.
__device__ __forceinline__ void async_copy4(float* shared, const float* global, bool valid) {
#ifdef __CUDACC__
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(bytes)
               : "memory");
#else
  cuda_on_host::async_copy4(shared, global, valid);
#endif
}

/// Ends a group of copies.
__device__ __forceinline__ void async_commit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  cuda_on_host::async_commit();
#endif
}

/// Waits until at most `Pending` of this thread's latest groups are still under way.
template <int Pending>
__device__ __forceinline__ void async_wait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
#else
  cuda_on_host::async_wait(Pending);
#endif
}

}  // namespace trady::kernels::cuda
