// The objects behind handles that callers hold, and which of them live.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "cuda_on_host/runtime_api.h"
#include "cuda_on_host/violation.h"

namespace cuda_on_host {

template <typename T>
class Handles {
 public:
  static Handles& instance() {
    static Handles handles;
    return handles;
  }

  T* add(T* handle) {
    live_.insert(handle);
    return handle;
  }
  void remove(T* handle) { live_.erase(handle); }
  size_t count() const { return live_.size(); }
  const std::set<T*>& all() const { return live_; }

  /// Throws Violation if `handle` was destroyed, or never created.
  T& checked(T* handle, const char* call) const {
    if (live_.count(handle) == 0) {
      throw Violation(std::string("[cuda_on_host] ") + call +
                      ": a stream, event or graph that was destroyed or never created");
    }
    return *handle;
  }

 private:
  std::set<T*> live_;
};

size_t count_live_handles();

/// Keeps `error` for cudaGetLastError if it is one; returns it.
cudaError_t remember(cudaError_t error);

}  // namespace cuda_on_host
