// What the op tests share. One line in devices_under_test() adds a device: every op test then holds
// it to the float64 reference. docs/adding-an-op.md says which tests an op needs.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/random.h"
#include "kernels/backend.h"

namespace trady::testing {

/// Sum of squared differences over sum of squares that one float32 op may show against float64.
constexpr double kFloat32Nmse = 1e-10;

/// What this test binary tests.
std::vector<std::unique_ptr<kernels::Backend>> devices_under_test();

/// The oracle.
inline std::unique_ptr<kernels::Backend> float64_reference() {
  return kernels::make_reference_backend(kernels::DType::float64);
}

/// Both, for what is worked out by hand.
inline std::vector<std::unique_ptr<kernels::Backend>> all_devices() {
  auto devices = devices_under_test();
  devices.push_back(float64_reference());
  return devices;
}

inline std::string describe(const kernels::Backend& device) {
  return device.name() + (device.dtype() == kernels::DType::float32 ? " float32" : " float64");
}

/// Whether the device itself reports reads of what was never written.
inline bool reports_unwritten(const kernels::Backend& device) {
  return device.isa().find("CUDA on the host") != std::string::npos;
}

/// Memory of a device, as the engine hands it to a primitive. The size is exact, so that
/// AddressSanitizer sees the first byte beyond; the content is 0xFF, which reads as NaN, or
/// unwritten where reading that is reported.
class DeviceBytes {
 public:
  DeviceBytes(const kernels::Backend& device, int64_t size)
      : data_(device.allocate(size), Release{&device}), size_(size) {
    if (size_ == 0 || reports_unwritten(device)) return;
    const std::vector<unsigned char> fill(static_cast<size_t>(size_), 0xFF);
    device.upload(fill.data(), size_, data_.get());
  }
  /// Null if empty.
  void* data() const { return data_.get(); }
  int64_t size() const { return size_; }
  const kernels::Backend& device() const { return *data_.get_deleter().device; }

 private:
  struct Release {
    const kernels::Backend* device;
    void operator()(void* memory) const { device->release(memory); }
  };
  std::unique_ptr<void, Release> data_;
  int64_t size_;
};

/// Values of a device that tests have as a vector: labels, channels, masks, losses, norms.
template <typename T>
class DeviceArray {
 public:
  DeviceArray(const kernels::Backend& device, int64_t count)
      : count_(count), bytes_(device, count * static_cast<int64_t>(sizeof(T))) {}
  DeviceArray(const kernels::Backend& device, const std::vector<T>& values)
      : DeviceArray(device, static_cast<int64_t>(values.size())) {
    device.upload(values.data(), bytes_.size(), bytes_.data());
  }
  T* data() const { return static_cast<T*>(bytes_.data()); }
  std::vector<T> values() const {
    std::vector<T> result(static_cast<size_t>(count_));
    bytes_.device().download(bytes_.data(), bytes_.size(), result.data());
    return result;
  }

 private:
  int64_t count_;
  DeviceBytes bytes_;
};

/// A tensor of a device's dtype, NaN or unwritten at first; tests speak double.
class Buffer {
 public:
  Buffer(const kernels::Backend& device, int64_t elements)
      : elements_(elements), bytes_(device, elements * kernels::bytes_of(device.dtype())) {}
  Buffer(const kernels::Backend& device, const std::vector<double>& values)
      : Buffer(device, static_cast<int64_t>(values.size())) {
    if (device.dtype() == kernels::DType::float32) {
      std::vector<float> rounded(values.size());
      std::transform(values.begin(), values.end(), rounded.begin(),
                     [](double v) { return static_cast<float>(v); });
      device.upload(rounded.data(), bytes_.size(), data());
    } else {
      device.upload(values.data(), bytes_.size(), data());
    }
  }

  void* data() const { return bytes_.data(); }
  int64_t elements() const { return elements_; }
  std::vector<double> values() const {
    const kernels::Backend& device = bytes_.device();
    std::vector<double> result(static_cast<size_t>(elements_));
    if (device.dtype() == kernels::DType::float32) {
      std::vector<float> values(result.size());
      device.download(data(), bytes_.size(), values.data());
      std::copy(values.begin(), values.end(), result.begin());
    } else {
      device.download(data(), bytes_.size(), result.data());
    }
    return result;
  }

 private:
  int64_t elements_;
  DeviceBytes bytes_;
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
