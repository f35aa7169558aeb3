#include "kernels.h"

using cuda_on_host::load4;
using cuda_on_host::store4;

namespace {

template <typename T>
T& shared() {
  return *static_cast<T*>(cuda_on_host::shared_memory(sizeof(T)));
}

const float table[4] = {1, 2, 4, 8};

__device__ const float* constants(int i) {
  return table + i;
}

struct Tile {
  float values[66];
};
struct TileAndNeighbour {
  float values[66];
  float others[66];
};

template <typename T>
__device__ void sum_of_three(T& tile, const float* in, float* out, int last) {
  for (int i = threadIdx.x; i < 66; i += blockDim.x) tile.values[i] = in[i];
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < last; ++i) sum += tile.values[threadIdx.x + i];
  out[threadIdx.x] = sum;
}

__device__ __attribute__((noinline)) int depth(int n, volatile int* sink) {
  volatile int local[64];
  for (int i = 0; i < 64; ++i) local[i] = n;
  *sink = local[n % 64];
  return n == 0 ? 0 : 1 + depth(n - 1, sink);
}

}  // namespace

__global__ void shift(const float* in, float* out, bool fault) {
  float* tile = shared<Tile>().values;
  tile[threadIdx.x] = in[threadIdx.x];
  if (!fault) __syncthreads();
  out[threadIdx.x] = tile[(threadIdx.x + 1) % 64];
}

__global__ void stencil(const float* in, float* out, bool fault) {
  // Through a pointer, of which the compiler does not know the bounds.
  struct {
    float* values;
  } tile{static_cast<float*>(cuda_on_host::shared_memory(66 * sizeof(float)))};
  sum_of_three(tile, in, out, fault ? 4 : 3);
}

__global__ void stencil_with_neighbour(const float* in, float* out, bool fault) {
  TileAndNeighbour& tile = shared<TileAndNeighbour>();
  for (int i = threadIdx.x; i < 66; i += blockDim.x) tile.others[i] = 0;
  sum_of_three(tile, in, out, fault ? 4 : 3);
}

__global__ void twice(const float* in, float* out, int n, bool fault) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (!fault && i >= n) return;
  out[i] = 2 * in[i];
}

__global__ void count_threads(unsigned* count, bool fault) {
  if (!fault) {
    atomicAdd(count, 1u);
  } else if (threadIdx.x == 0) {
    *count += blockDim.x;
  }
}

__global__ void count_and_look(unsigned* count, unsigned* out, bool fault) {
  const unsigned before = atomicAdd(count, 1u);
  out[blockIdx.x] = fault && blockIdx.x == 2 ? *count : before;
}

__global__ void half_written(float* out, bool fault) {
  float* values = shared<Tile>().values;
  if (!fault || threadIdx.x % 2 == 0) values[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

__global__ void copy_by_cast(const float* in, float* out, bool fault) {
  const float* from = in + 4 * threadIdx.x + (fault ? 1 : 0);
  *reinterpret_cast<float4*>(out + 4 * threadIdx.x) = *reinterpret_cast<const float4*>(from);
}

__global__ void copy_wide(const float* in, float* out, bool fault) {
  store4(out + 4 * threadIdx.x, load4(in + 4 * threadIdx.x + (fault ? 2 : 0)));
}

__global__ void write_bytes(unsigned char* out, bool fault) {
  if (threadIdx.x == 0) out[blockIdx.x] = 1;
  if (threadIdx.x == 1 && fault) out[blockIdx.x + 1] = 1;
}

__global__ void write_float(float* pointer) {
  *pointer = 1;
}

__global__ void read_float(const float* pointer, float* out) {
  *out = *pointer;
}

__global__ void read_constant(float* out) {
  out[threadIdx.x] = *constants(threadIdx.x);
}

__global__ void pass_local(float* out, bool fault) {
  auto** pointer = static_cast<float**>(cuda_on_host::shared_memory(sizeof(float*)));
  float local = 1;
  if (threadIdx.x == 0) *pointer = &local;
  __syncthreads();
  if (threadIdx.x == 1 && fault) **pointer = 2;
  __syncthreads();
  out[threadIdx.x] = local;
}

__global__ void recurse(int* out, bool fault) {
  *out = depth(fault ? 1 << 20 : 10, out);
}

__global__ void multiply(int* out, bool fault) {
  *out = (fault ? 1 << 16 : 1 << 15) * (*out);
}

__global__ void sum_many(const float* in, float* out, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) {
    sum += in[i % 64 * 64 + threadIdx.x];
    out[blockIdx.x * 64 + threadIdx.x] = sum;
  }
}
