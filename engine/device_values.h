// Scalars of a device as the host computes with them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/backend.h"

namespace trady {

/// `count` values of the backend's dtype in its memory.
inline std::vector<double> read_values(const kernels::Backend& backend, const void* values,
                                       int64_t count) {
  std::vector<double> result(static_cast<size_t>(count));
  if (backend.dtype() == kernels::DType::float64) {
    backend.download(values, count * int64_t{sizeof(double)}, result.data());
    return result;
  }
  std::vector<float> floats(result.size());
  backend.download(values, count * int64_t{sizeof(float)}, floats.data());
  std::ranges::copy(floats, result.begin());
  return result;
}

/// Rounded to the backend's dtype.
inline void write_values(const kernels::Backend& backend, std::span<const double> values,
                         void* memory) {
  const auto count = static_cast<int64_t>(values.size());
  if (backend.dtype() == kernels::DType::float64) {
    backend.upload(values.data(), count * int64_t{sizeof(double)}, memory);
    return;
  }
  std::vector<float> floats(values.size());
  std::ranges::transform(values, floats.begin(),
                         [](double value) { return static_cast<float>(value); });
  backend.upload(floats.data(), count * int64_t{sizeof(float)}, memory);
}

}  // namespace trady
