#include "engine/data/decoder_memory.h"

#include <algorithm>
#include <cstdlib>

namespace trady {
namespace {

thread_local DecoderMemory* counting = nullptr;

/// Before every block, as large as the strictest alignment.
struct alignas(std::max_align_t) Header {
  size_t bytes;  ///< of the block
};

Header* header_of(void* block) {
  return static_cast<Header*>(block) - 1;
}

}  // namespace

DecoderMemory::DecoderMemory(int64_t limit_bytes) : limit_bytes_(limit_bytes) {
  counting = this;
}

DecoderMemory::~DecoderMemory() {
  counting = nullptr;
}

bool DecoderMemory::take(int64_t bytes) {
  if (bytes > limit_bytes_ - used_bytes_) {
    refused_ = true;
    return false;
  }
  used_bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, used_bytes_);
  return true;
}

void* decoder_allocate(size_t bytes) {
  if (counting != nullptr && !counting->take(static_cast<int64_t>(bytes))) return nullptr;
  auto* header = static_cast<Header*>(std::calloc(1, sizeof(Header) + bytes));
  if (header == nullptr) return nullptr;
  header->bytes = bytes;
  return header + 1;
}

void* decoder_reallocate(void* block, size_t bytes) {
  void* moved = decoder_allocate(bytes);
  if (moved == nullptr || block == nullptr) return moved;
  const auto* from = static_cast<const char*>(block);
  std::copy_n(from, std::min(header_of(block)->bytes, bytes), static_cast<char*>(moved));
  decoder_free(block);
  return moved;
}

void decoder_free(void* block) {
  if (block == nullptr) return;
  Header* header = header_of(block);
  if (counting != nullptr) counting->used_bytes_ -= static_cast<int64_t>(header->bytes);
  std::free(header);
}

}  // namespace trady
