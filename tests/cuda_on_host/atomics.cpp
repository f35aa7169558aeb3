#include "cuda_on_host/atomics.h"

#include <algorithm>

#include "block.h"
#include "instrumentation.h"

namespace cuda_on_host {
namespace {

/// Threads switch at barriers and warp operations only: nothing comes between load and store.
template <typename T, typename Combine>
T update(T* address, Combine combine) {
  const LibraryScope scope;
  check_kernel_access(Access::atomic, reinterpret_cast<uintptr_t>(address), sizeof(T), sizeof(T),
                      thread_of_kernel("an atomic"));
  const T old = *address;
  *address = combine(old);
  return old;
}

/// Wraps around, signed numbers too.
template <typename T>
T sum(T a, T b) {
  return static_cast<T>(static_cast<unsigned long long>(a) + static_cast<unsigned long long>(b));
}

}  // namespace
}  // namespace cuda_on_host

using cuda_on_host::update;
using u64 = unsigned long long;

int atomicAdd(int* address, int value) {
  return update(address, [value](int old) { return cuda_on_host::sum(old, value); });
}
unsigned atomicAdd(unsigned* address, unsigned value) {
  return update(address, [value](unsigned old) { return old + value; });
}
u64 atomicAdd(u64* address, u64 value) {
  return update(address, [value](u64 old) { return old + value; });
}

int atomicMax(int* address, int value) {
  return update(address, [value](int old) { return std::max(old, value); });
}
unsigned atomicMax(unsigned* address, unsigned value) {
  return update(address, [value](unsigned old) { return std::max(old, value); });
}
u64 atomicMax(u64* address, u64 value) {
  return update(address, [value](u64 old) { return std::max(old, value); });
}

int atomicMin(int* address, int value) {
  return update(address, [value](int old) { return std::min(old, value); });
}
unsigned atomicMin(unsigned* address, unsigned value) {
  return update(address, [value](unsigned old) { return std::min(old, value); });
}
u64 atomicMin(u64* address, u64 value) {
  return update(address, [value](u64 old) { return std::min(old, value); });
}

int atomicOr(int* address, int value) {
  return update(address, [value](int old) { return old | value; });
}
unsigned atomicOr(unsigned* address, unsigned value) {
  return update(address, [value](unsigned old) { return old | value; });
}
u64 atomicOr(u64* address, u64 value) {
  return update(address, [value](u64 old) { return old | value; });
}

int atomicAnd(int* address, int value) {
  return update(address, [value](int old) { return old & value; });
}
unsigned atomicAnd(unsigned* address, unsigned value) {
  return update(address, [value](unsigned old) { return old & value; });
}
u64 atomicAnd(u64* address, u64 value) {
  return update(address, [value](u64 old) { return old & value; });
}

int atomicExch(int* address, int value) {
  return update(address, [value](int) { return value; });
}
unsigned atomicExch(unsigned* address, unsigned value) {
  return update(address, [value](unsigned) { return value; });
}
u64 atomicExch(u64* address, u64 value) {
  return update(address, [value](u64) { return value; });
}

int atomicCAS(int* address, int compare, int value) {
  return update(address, [=](int old) { return old == compare ? value : old; });
}
unsigned atomicCAS(unsigned* address, unsigned compare, unsigned value) {
  return update(address, [=](unsigned old) { return old == compare ? value : old; });
}
u64 atomicCAS(u64* address, u64 compare, u64 value) {
  return update(address, [=](u64 old) { return old == compare ? value : old; });
}
