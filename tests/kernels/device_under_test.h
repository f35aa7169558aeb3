// What the op tests share. One line in devices_under_test() adds a device: every op test then holds
// it to the float64 reference. docs/adding-an-op.md says which tests an op needs.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "engine/random.h"
#include "kernels/backend.h"

namespace trady::testing {

/// Sum of squared differences over sum of squares that one float32 op may show against float64.
constexpr double kFloat32Nmse = 1e-10;

inline std::vector<std::unique_ptr<kernels::Backend>> devices_under_test() {
  std::vector<std::unique_ptr<kernels::Backend>> devices;
  devices.push_back(kernels::make_reference_backend(kernels::DType::float32));
  devices.push_back(kernels::make_cpu_backend());
  return devices;
}

/// The oracle.
inline std::unique_ptr<kernels::Backend> float64_reference() {
  return kernels::make_reference_backend(kernels::DType::float64);
}

inline std::string describe(const kernels::Backend& device) {
  return device.name() + (device.dtype() == kernels::DType::float32 ? " float32" : " float64");
}

/// Bytes as the engine hands them to a primitive: 64-byte aligned. The size is exact, so that
/// AddressSanitizer sees the first byte beyond; the content is 0xFF, which reads as NaN.
class AlignedBytes {
 public:
  explicit AlignedBytes(int64_t size) : size_(static_cast<size_t>(size)) {
    if (size_ == 0) return;
    data_.reset(static_cast<unsigned char*>(::operator new (size_, std::align_val_t{64})));
    std::memset(data_.get(), 0xFF, size_);
  }
  /// Null if empty.
  void* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(unsigned char* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<unsigned char, Free> data_;
  size_t size_;
};

/// A tensor of a device's dtype, NaN until written; tests speak double.
class Buffer {
 public:
  Buffer(const kernels::Backend& device, int64_t elements)
      : dtype_(device.dtype()),
        elements_(elements),
        bytes_(elements * kernels::bytes_of(device.dtype())) {}
  Buffer(const kernels::Backend& device, const std::vector<double>& values)
      : Buffer(device, static_cast<int64_t>(values.size())) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (dtype_ == kernels::DType::float32) {
        static_cast<float*>(data())[i] = static_cast<float>(values[i]);
      } else {
        static_cast<double*>(data())[i] = values[i];
      }
    }
  }

  void* data() const { return bytes_.data(); }
  int64_t elements() const { return elements_; }
  std::vector<double> values() const {
    std::vector<double> result(static_cast<size_t>(elements_));
    for (size_t i = 0; i < result.size(); ++i) {
      result[i] = dtype_ == kernels::DType::float32
                      ? static_cast<double>(static_cast<const float*>(data())[i])
                      : static_cast<const double*>(data())[i];
    }
    return result;
  }

 private:
  kernels::DType dtype_;
  int64_t elements_;
  AlignedBytes bytes_;
};

/// Uniform in [low, high) and exact in float32, so that every device sees the same numbers.
inline std::vector<double> random_values(int64_t count, uint32_t seed, double low = -1,
                                         double high = 1) {
  RandomStream random(seed, RandomPurpose::initialization);
  std::vector<double> values(static_cast<size_t>(count));
  for (double& v : values) v = static_cast<double>(static_cast<float>(random.uniform(low, high)));
  return values;
}

/// Infinite where lengths differ, where anything is NaN, or where all-zero was expected and missed.
inline double nmse(const std::vector<double>& actual, const std::vector<double>& expected) {
  double error = 0, norm = 0;
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < actual.size(); ++i) {
    error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  if (error == 0) return 0;
  return std::isfinite(error) && norm > 0 ? error / norm : std::numeric_limits<double>::infinity();
}

/// Equal to the last bit, NaN and the sign of zero included.
inline bool bit_identical(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace trady::testing
