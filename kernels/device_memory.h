// A block of a device's memory that goes when its owner goes.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/backend.h"

namespace trady::kernels {

/// Errors are Backend::allocate's. The backend must outlive it.
class DeviceMemory {
 public:
  DeviceMemory(const Backend& backend, int64_t bytes)
      : block_(backend.allocate(bytes), Release{&backend}) {}
  void* data() const { return block_.get(); }

 private:
  struct Release {
    const Backend* backend;
    void operator()(void* block) const { backend->release(block); }
  };
  std::unique_ptr<void, Release> block_;
};

}  // namespace trady::kernels
