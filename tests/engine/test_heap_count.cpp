// malloc and its relatives for this test binary: glibc's own, with a count of the live bytes. Every
// library in the process, oneDNN too, allocates through these.
#include <malloc.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "tests/engine/heap_count.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRADY_COUNT_HEAP 1
#endif

namespace trady::testing {
namespace {

std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

#ifdef TRADY_COUNT_HEAP
void* count_in(void* block) {
  if (!block) return block;
  const auto bytes = static_cast<int64_t>(malloc_usable_size(block));
  const int64_t now = live.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
  return block;
}

void count_out(void* block) {
  if (!block) return;
  live.fetch_sub(static_cast<int64_t>(malloc_usable_size(block)), std::memory_order_relaxed);
}
#endif

}  // namespace

bool heap_is_counted() {
#ifdef TRADY_COUNT_HEAP
  return true;
#else
  return false;
#endif
}

int64_t live_heap_bytes() {
  return live;
}

int64_t peak_heap_bytes() {
  return peak;
}

void restart_heap_peak() {
  peak = live.load();
}

}  // namespace trady::testing

#ifdef TRADY_COUNT_HEAP
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t bytes) {
  return trady::testing::count_in(__libc_malloc(bytes));
}
void* calloc(size_t count, size_t bytes) {
  return trady::testing::count_in(__libc_calloc(count, bytes));
}
void* realloc(void* block, size_t bytes) {
  trady::testing::count_out(block);
  void* moved = __libc_realloc(block, bytes);
  // A refused block stays as it was.
  trady::testing::count_in(moved || bytes == 0 ? moved : block);
  return moved;
}
void* memalign(size_t alignment, size_t bytes) {
  return trady::testing::count_in(__libc_memalign(alignment, bytes));
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  return memalign(alignment, bytes);
}
int posix_memalign(void** block, size_t alignment, size_t bytes) {
  void* found = memalign(alignment, bytes);
  if (!found) return ENOMEM;
  *block = found;
  return 0;
}
void free(void* block) {
  trady::testing::count_out(block);
  __libc_free(block);
}
}
#endif

namespace trady {

TEST_CASE("The heap count sees every way to allocate") {
  if (!testing::heap_is_counted()) return;
  const int64_t before = testing::live_heap_bytes();
  void* volatile blocks[] = {std::malloc(10000), std::calloc(100, 100),
                             std::aligned_alloc(64, 10048), ::operator new(10000)};
  CHECK(testing::live_heap_bytes() - before >= 40000);
  blocks[0] = std::realloc(blocks[0], 50000);
  const int64_t with_all = testing::live_heap_bytes() - before;
  CHECK(with_all >= 80000);
  CHECK(with_all <= 90000);
  for (int i = 0; i < 3; ++i) std::free(blocks[i]);
  ::operator delete(blocks[3]);
  CHECK(testing::live_heap_bytes() - before < 5000);
  CHECK(testing::peak_heap_bytes() - before >= 80000);
}

}  // namespace trady
