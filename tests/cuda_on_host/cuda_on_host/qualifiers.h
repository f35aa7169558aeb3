// CUDA's qualifiers, which mean nothing on the host. __shared__ and __constant__ are left out, so
// that they do not compile: kernels get shared memory from shared_memory(), whose bytes are
// tracked.
#pragma once

// NOLINTBEGIN(bugprone-reserved-identifier): the names are CUDA's.
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
// NOLINTEND(bugprone-reserved-identifier)
