// What a device that works beside the host offers: batches copied in while steps run, results
// copied out, and work that is recorded once and done again as one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trady::kernels {

/// The way of batches into a device and of results out of it. A slot is a block of host memory that
/// copies run fastest from (CUDA: pinned), used by one batch at a time. Errors: std::runtime_error.
class Transfers {
 public:
  virtual ~Transfers() = default;
  /// [bytes_per_slot] of host memory.
  virtual std::byte* host(int slot) = 0;
  /// Copies the first `bytes` of the slot to the device, beside what runs there; primitives called
  /// from now on see them. Whatever uses `device` now must be done (`wait`).
  virtual void send(int slot, int64_t bytes, void* device) = 0;
  /// Copies `bytes` of device memory to the start of the slot, after the primitives called so far.
  virtual void fetch(int slot, const void* device, int64_t bytes) = 0;
  /// Returns when the slot's last fetch, and so all that was called before it, is done.
  virtual void wait(int slot) = 0;
};

/// Primitives that were called once and can be done again, on the same addresses.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() const = 0;
};

}  // namespace trady::kernels
