// What a kernel or a caller of the runtime did wrong.
#pragma once

#include <stdexcept>

namespace cuda_on_host {

/// Thrown by launch() (limits) or by the synchronising call that executed the kernel or the copy.
/// Names the kernel, block, thread and address, and the rule that was broken. What was still queued
/// is dropped then; allocations stay, and the device can be used again.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace cuda_on_host
