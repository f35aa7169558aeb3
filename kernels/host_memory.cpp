// Device memory where the device is the host itself: primitives run when they are called, and
// copies are plain ones.
#include <cstring>
#include <new>

#include "kernels/backend.h"

namespace trady::kernels {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void* Backend::allocate(int64_t bytes) const {
  return bytes > 0 ? ::operator new(static_cast<size_t>(bytes), kAlignment) : nullptr;
}

void Backend::release(void* memory) const {
  ::operator delete(memory, kAlignment);
}

void Backend::upload(const void* host, int64_t bytes, void* memory) const {
  if (bytes > 0) std::memcpy(memory, host, static_cast<size_t>(bytes));
}

void Backend::download(const void* memory, int64_t bytes, void* host) const {
  if (bytes > 0) std::memcpy(host, memory, static_cast<size_t>(bytes));
}

void Backend::synchronize() const {}

}  // namespace trady::kernels
