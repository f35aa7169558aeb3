// The memory that stb_image asks for, counted and limited.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trady {

/// While one lives, what stb_image allocates on this thread is counted here, and refused beyond the
/// limit: a file of a megabyte can unpack to a gigabyte. Not nested.
class DecoderMemory {
 public:
  explicit DecoderMemory(int64_t limit_bytes);
  ~DecoderMemory();
  DecoderMemory(const DecoderMemory&) = delete;
  DecoderMemory& operator=(const DecoderMemory&) = delete;

  int64_t peak_bytes() const { return peak_bytes_; }
  bool refused() const { return refused_; }

 private:
  friend void* decoder_allocate(size_t bytes);
  friend void* decoder_reallocate(void* block, size_t bytes);
  friend void decoder_free(void* block);
  bool take(int64_t bytes);

  const int64_t limit_bytes_;
  int64_t used_bytes_ = 0, peak_bytes_ = 0;
  bool refused_ = false;
};

// What stb_image calls in place of malloc, realloc and free. Fresh memory is zero: of a damaged
// file stb_image hands on what it has never written, and pixels must not depend on what was there
// before.
void* decoder_allocate(size_t bytes);
void* decoder_reallocate(void* block, size_t bytes);
void decoder_free(void* block);

}  // namespace trady
