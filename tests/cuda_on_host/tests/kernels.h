// Kernels of the tests. Each takes `fault`: true plants the fault that its comment names.
#pragma once

#include "cuda_on_host/runtime.h"

// memory.cu
/// out[i] = tile[(i + 1) % 64] through shared memory; fault: no barrier between.
__global__ void shift(const float* in, float* out, bool fault);
/// Sums of three neighbours in a shared tile of 66; fault: reads tile[66] too.
__global__ void stencil(const float* in, float* out, bool fault);
/// As stencil, but the tile is followed by another array; fault: an index past the tile, which is
/// still within the block's shared memory.
__global__ void stencil_with_neighbour(const float* in, float* out, bool fault);
/// out[i] = 2 in[i] for i < n; fault: the check is dropped.
__global__ void twice(const float* in, float* out, int n, bool fault);
/// *count += 1 for each thread; fault: without an atomic, one thread a block.
__global__ void count_threads(unsigned* count, bool fault);
/// A plain read of what other blocks update atomically; fault: there is one.
__global__ void count_and_look(unsigned* count, unsigned* out, bool fault);
/// out[i] = shared[i], written before; fault: half of it is not.
__global__ void half_written(float* out, bool fault);
/// Every fourth thread copies four floats; fault: by a cast, from one float later.
__global__ void copy_by_cast(const float* in, float* out, bool fault);
/// As above with load4 and store4.
__global__ void copy_wide(const float* in, float* out, bool fault);
/// in[i] summed over bytes: neighbouring bytes of a word belong to different blocks; fault: they
/// overlap.
__global__ void write_bytes(unsigned char* out, bool fault);
/// Writes through `pointer`, wherever it leads.
__global__ void write_float(float* pointer);
__global__ void read_float(const float* pointer, float* out);
/// Reads a table that is a constant of the program.
__global__ void read_constant(float* out);
/// Hands the address of a local variable to thread 1; fault: which writes to it.
__global__ void pass_local(float* out, bool fault);
/// Recursion: fault: too deep for the stack.
__global__ void recurse(int* out, bool fault);
/// fault: an int that overflows.
__global__ void multiply(int* out, bool fault);
/// In turns of a long loop over two floats: for the measurement of speed.
__global__ void sum_many(const float* in, float* out, int n);

// threads.cu
/// fault: half of the threads wait at another barrier.
__global__ void split_barrier(int* out, bool fault);
/// fault: thread 0 leaves before the barrier.
__global__ void leave_early(int* out, bool fault);
/// Sums over the warp by shuffles; fault: the mask lacks the upper half.
__global__ void warp_sum(const int* in, int* out, bool fault);
/// fault: lanes give different masks.
__global__ void mixed_masks(int* out, bool fault);
/// fault: a mask that names lanes which have left.
__global__ void vote_after_exit(unsigned* out, bool fault);
/// fault: a shuffle from a lane that the mask does not name.
__global__ void shuffle_from_outside(int* out, bool fault);
/// Lanes pass values through shared memory; fault: without __syncwarp.
__global__ void warp_exchange(int* out, bool fault);
/// Two halves of a warp with masks of their own; fault: one half reads what the other wrote.
__global__ void half_warps(int* out, bool fault);
/// All kinds of shuffle, votes and counts.
__global__ void warp_results(int* out);
__global__ void atomic_results(int* out);
/// out[0..2] = threads seen, in their order.
__global__ void visit(unsigned* counter, unsigned* order);

// tensor_core.cu
/// D[16, 8] = A[16, 8] B[8, 8] of row-major matrices; fault: two of a's fragments swapped.
__global__ void multiply_tile(const float* a, const float* b, float* d, bool fault);
/// fault: only half of the warp calls mma.
__global__ void half_mma(float* d, bool fault);
/// Copies through shared memory by cp.async; fault: no wait.
__global__ void copy_async(const float* in, float* out, bool fault);
/// Two groups under way; fault: waits for the first only and reads both.
__global__ void copy_in_two_groups(const float* in, float* out, bool fault);
/// fault: no barrier after the wait, though others read.
__global__ void copy_for_others(const float* in, float* out, bool fault);
__global__ void copy_nothing(float* out);
__global__ void round_to_tf32(const float* in, float* out, int n);

// streams.cu
__global__ void add(float* values, float term, int n);
__global__ void scale(const float* in, float* out, float factor, int n);
