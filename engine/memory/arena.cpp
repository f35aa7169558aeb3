#include "engine/memory/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "engine/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace trady {

namespace {

constexpr int kRedZonePattern = 0xC7;
constexpr int kDeadPattern = 0xFF;  // a NaN in float32 and float64

bool built_with_checks() {
#if defined(__SANITIZE_ADDRESS__) || !defined(NDEBUG)
  return true;
#else
  return false;
#endif
}

int64_t page_multiple(int64_t bytes) {
  const int64_t page = sysconf(_SC_PAGESIZE);
  return (bytes + page - 1) / page * page;
}

}  // namespace

bool arena_checks_enabled() {
  static const bool enabled = [] {
    const char* wish = std::getenv("TRADY_ARENA_CHECKS");
    return wish ? std::strcmp(wish, "0") != 0 : built_with_checks();
  }();
  return enabled;
}

int64_t arena_red_zone_bytes() {
  return arena_checks_enabled() ? kBufferAlignment : 0;
}

Arena::Arena(const kernels::Backend& backend, int64_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  if (!backend.on_host()) {
    try {
      data_ = static_cast<std::byte*>(backend.allocate(bytes));
    } catch (const std::runtime_error& error) {
      fail(error.what());
    }
    device_ = &backend;
    return;
  }
  void* block = mmap(nullptr, static_cast<size_t>(page_multiple(bytes)), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) {
    fail("[arena] the operating system refused ", bytes, " bytes (", system_reason(errno),
         "); use a smaller --micro-batch, fewer --threads or --memory-limit");
  }
  data_ = static_cast<std::byte*>(block);
}

Arena::~Arena() {
  if (!data_) return;
  if (device_) {
    device_->release(data_);
    return;
  }
  ASAN_UNPOISON_MEMORY_REGION(data_, static_cast<size_t>(page_multiple(bytes_)));
  munmap(data_, static_cast<size_t>(page_multiple(bytes_)));
}

Arena::Arena(Arena&& other) noexcept
    : device_(other.device_),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

ArenaView::ArenaView(const MemoryPlan& plan, std::byte* base, bool on_host)
    : plan_(&plan),
      base_(base),
      guarded_(on_host && arena_checks_enabled()),
      is_live_(plan.buffers().size(), 0) {
  if (guarded_ && base_) {
    // An earlier view of the same block may have left it poisoned.
    ASAN_UNPOISON_MEMORY_REGION(base_, static_cast<size_t>(plan.reserved_bytes()));
    std::memset(base_, kDeadPattern, static_cast<size_t>(plan.reserved_bytes()));
    ASAN_POISON_MEMORY_REGION(base_, static_cast<size_t>(plan.reserved_bytes()));
  }
}

void ArenaView::begin(int time) {
  for (BufferId id : plan_->starting_at(time)) {
    const Buffer& buffer = (*plan_)[id];
    is_live_[static_cast<size_t>(id.value)] = 1;
    live_[buffer.category] += buffer.bytes;
    live_total_ += buffer.bytes;
    if (guarded_ && buffer.bytes > 0) {
      std::byte* start = base_ + buffer.offset;
      const auto zone = static_cast<size_t>(plan_->red_zone_bytes());
      ASAN_UNPOISON_MEMORY_REGION(start - zone, static_cast<size_t>(buffer.bytes) + 2 * zone);
      std::memset(start - zone, kRedZonePattern, zone);
      std::memset(start + buffer.bytes, kRedZonePattern, zone);
      ASAN_POISON_MEMORY_REGION(start - zone, zone);
      ASAN_POISON_MEMORY_REGION(start + buffer.bytes, zone);
    }
  }
  if (live_total_ > peak_total_) {
    peak_total_ = live_total_;
    peak_ = live_;
  }
}

void ArenaView::retire(BufferId id) {
  const Buffer& buffer = (*plan_)[id];
  is_live_[static_cast<size_t>(id.value)] = 0;
  live_[buffer.category] -= buffer.bytes;
  live_total_ -= buffer.bytes;
  if (!guarded_ || buffer.bytes == 0) return;

  std::byte* start = base_ + buffer.offset;
  const auto zone = static_cast<size_t>(plan_->red_zone_bytes());
  ASAN_UNPOISON_MEMORY_REGION(start - zone, zone);
  ASAN_UNPOISON_MEMORY_REGION(start + buffer.bytes, zone);
  for (size_t i = 0; i < zone; ++i) {
    const bool before = static_cast<int>(start[-static_cast<int64_t>(i) - 1]) != kRedZonePattern;
    const bool after =
        static_cast<int>(start[buffer.bytes + static_cast<int64_t>(i)]) != kRedZonePattern;
    if (before || after) {
      fail("[arena] something wrote ", i + 1, " bytes ", before ? "before" : "past the end of",
           " buffer '", buffer.name, "' (", buffer.bytes, " bytes); this is a bug in a kernel");
    }
  }
  std::memset(start, kDeadPattern, static_cast<size_t>(buffer.bytes));
  ASAN_POISON_MEMORY_REGION(start - zone, static_cast<size_t>(buffer.bytes) + 2 * zone);
}

void ArenaView::end(int time) {
  for (BufferId id : plan_->ending_at(time)) {
    if (is_live_[static_cast<size_t>(id.value)]) retire(id);
  }
}

void ArenaView::end_all() {
  for (size_t i = 0; i < is_live_.size(); ++i) {
    if (is_live_[i]) retire({static_cast<int>(i)});
  }
}

void* ArenaView::data(BufferId id) const {
  if (!id.valid()) return nullptr;
  if (!is_live_[static_cast<size_t>(id.value)]) {
    fail("[arena] buffer '", (*plan_)[id].name, "' was used outside of its planned life");
  }
  return base_ + (*plan_)[id].offset;
}

}  // namespace trady
