// What the tests share: device buffers that free themselves, and the three orders of threads.
#pragma once

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "cuda_on_host/runtime.h"

using Catch::Matchers::Contains;
using cuda_on_host::launch;
using cuda_on_host::Order;
using cuda_on_host::Violation;

/// On the device; all of it initialised if made from values.
template <typename T>
class Buffer {
 public:
  explicit Buffer(size_t count) : count_(count) {
    REQUIRE(cudaMalloc(&data_, count * sizeof(T)) == cudaSuccess);
  }
  explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
    cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

inline std::vector<float> ascending(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return values;
}

/// Runs `body` with the threads in each order, two random ones among them.
template <typename Body>
void in_all_orders(Body body) {
  cuda_on_host::set_schedule(Order::forward);
  body();
  cuda_on_host::set_schedule(Order::reverse);
  body();
  for (const uint64_t seed : {1, 2}) {
    cuda_on_host::set_schedule(Order::random, seed);
    body();
  }
  cuda_on_host::set_schedule(Order::forward);
}

inline void synchronize() {
  if (cudaDeviceSynchronize() != cudaSuccess) throw std::runtime_error("cudaDeviceSynchronize");
}
