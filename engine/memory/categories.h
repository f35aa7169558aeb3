// What the bytes of a training step are spent on.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace trady {

enum class MemoryCategory : uint8_t {
  weights,               ///< the parameters themselves
  prepared_weights,      ///< copies in the order that a kernel wants
  activations,           ///< layer outputs on their way to the next layer
  saved_inputs,          ///< packed input channels kept for weight gradients
  masks,                 ///< one bit an element of every ReLU / ReLU6 that backward passes
  activation_gradients,  ///< gradients on their way to the layer before
  weight_gradients,      ///< packed dW: the batch's sums, and one layer's of a micro-batch
  optimizer_state,       ///< momentum; nothing for plain SGD
  workspace,             ///< scratch of one kernel call
  batch,                 ///< control block, labels, losses, ...; images on a device of their own
  selection,             ///< lists of the selected channels
};

constexpr int kMemoryCategories = 11;

constexpr std::array<std::string_view, kMemoryCategories> kMemoryCategoryNames = {
    "weights",
    "prepared_weights",
    "activations",
    "saved_inputs",
    "masks",
    "activation_gradients",
    "weight_gradients",
    "optimizer_state",
    "workspace",
    "batch",
    "selection"};

/// Bytes by category.
struct CategoryBytes {
  std::array<int64_t, kMemoryCategories> bytes{};

  int64_t& operator[](MemoryCategory c) { return bytes[static_cast<size_t>(c)]; }
  int64_t operator[](MemoryCategory c) const { return bytes[static_cast<size_t>(c)]; }
  int64_t total() const {
    int64_t sum = 0;
    for (int64_t b : bytes) sum += b;
    return sum;
  }
  CategoryBytes& operator+=(const CategoryBytes& other) {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] += other.bytes[i];
    return *this;
  }
  bool operator==(const CategoryBytes&) const = default;
};

}  // namespace trady
