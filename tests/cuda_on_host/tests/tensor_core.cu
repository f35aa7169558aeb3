#include "kernels.h"

namespace {

float* shared_floats(size_t count) {
  return static_cast<float*>(cuda_on_host::shared_memory(count * sizeof(float)));
}

}  // namespace

__global__ void multiply_tile(const float* a, const float* b, float* d, bool fault) {
  using cuda_on_host::to_tf32;
  const int group = static_cast<int>(threadIdx.x) / 4;
  const int member = static_cast<int>(threadIdx.x) % 4;
  uint32_t a_fragment[4] = {to_tf32(a[group * 8 + member]), to_tf32(a[(group + 8) * 8 + member]),
                            to_tf32(a[group * 8 + member + 4]),
                            to_tf32(a[(group + 8) * 8 + member + 4])};
  if (fault) {
    const uint32_t kept = a_fragment[1];
    a_fragment[1] = a_fragment[2];
    a_fragment[2] = kept;
  }
  const uint32_t b_fragment[2] = {to_tf32(b[member * 8 + group]),
                                  to_tf32(b[(member + 4) * 8 + group])};
  float d_fragment[4] = {};
  cuda_on_host::mma_m16n8k8_tf32(d_fragment, a_fragment, b_fragment);
  for (int i = 0; i < 4; ++i) {
    d[(group + i / 2 * 8) * 8 + 2 * member + i % 2] = d_fragment[i];
  }
}

__global__ void half_mma(float* d, bool fault) {
  float fragment[4] = {1, 2, 3, 4};
  const uint32_t a[4] = {}, b[2] = {};
  if (!fault || threadIdx.x < 16) cuda_on_host::mma_m16n8k8_tf32(fragment, a, b);
  d[threadIdx.x] = fragment[3];
}

__global__ void copy_async(const float* in, float* out, bool fault) {
  float* tile = shared_floats(4 * 32);
  const unsigned at = 4 * threadIdx.x;
  cuda_on_host::async_copy16(tile + at, in + at, true);
  cuda_on_host::async_commit();
  if (!fault) cuda_on_host::async_wait(0);
  for (int i = 0; i < 4; ++i) out[at + i] = tile[at + i];
}

__global__ void copy_in_two_groups(const float* in, float* out, bool fault) {
  float* tile = shared_floats(8 * 32);
  const unsigned at = 4 * threadIdx.x;
  cuda_on_host::async_copy16(tile + at, in + at, true);
  cuda_on_host::async_commit();
  cuda_on_host::async_copy16(tile + 128 + at, in + 128 + at, true);
  cuda_on_host::async_commit();
  cuda_on_host::async_wait(1);
  out[at] = tile[at];
  if (!fault) cuda_on_host::async_wait(0);
  out[128 + at] = tile[128 + at];
}

__global__ void copy_for_others(const float* in, float* out, bool fault) {
  float* tile = shared_floats(4 * 32);
  cuda_on_host::async_copy16(tile + 4 * threadIdx.x, in + 4 * threadIdx.x, true);
  cuda_on_host::async_commit();
  if (fault) __syncthreads();
  cuda_on_host::async_wait(0);
  if (!fault) __syncthreads();
  for (unsigned i = threadIdx.x; i < 128; i += 32) out[i] = tile[i];
}

__global__ void copy_nothing(float* out) {
  float* tile = shared_floats(5);
  // Not valid: the source may be anything.
  cuda_on_host::async_copy16(tile, nullptr, false);
  cuda_on_host::async_copy4(tile + 4, out, false);
  cuda_on_host::async_commit();
  cuda_on_host::async_wait(0);
  for (int i = 0; i < 5; ++i) out[i] = tile[i];
}

__global__ void round_to_tf32(const float* in, float* out, int n) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < n) out[i] = __uint_as_float(cuda_on_host::to_tf32(in[i]));
}
