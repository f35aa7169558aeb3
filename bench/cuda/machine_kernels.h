// Kernels that find out what a GPU can do at most, and that fill what the benches read.
// `stream` is a cudaStream_t; work is enqueued there.
#pragma once

#include <cstdint>

namespace trady::bench {

/// out[i]: numbers in [-1, 1) that look random and repeat for the same seed.
void fill_random(float* out, int64_t count, uint32_t seed, void* stream);

/// out[i] = in[i], 16 bytes a thread. Both 16-byte aligned; count is a multiple of 4.
void copy_floats(const float* in, int64_t count, float* out, void* stream);

/// Floats that a block of read_floats reads and adds up.
constexpr int64_t kFloatsOfReader = 8192;
/// sums[b] = the sum of in's part b of kFloatsOfReader: bandwidth of reading alone.
/// count is a multiple of kFloatsOfReader; sums: [count / kFloatsOfReader]
void read_floats(const float* in, int64_t count, float* sums, void* stream);

/// Of the current GPU.
int64_t l2_cache_bytes();

/// One kernel that does nothing: what a node of a graph costs.
void do_nothing(void* stream);

}  // namespace trady::bench
