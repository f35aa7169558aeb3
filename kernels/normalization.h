// The value of a pixel, the same on every device.
#pragma once

#include <cstdint>

namespace trady::kernels {

/// (value / 255 - mean) / std, every step in float32, as torchvision's ToTensor, Normalize do it:
/// networks see the same input whatever the device computes in. (constexpr: nvcc lets kernels call
/// it.)
constexpr float normalized_pixel(uint8_t value, double mean, double std) {
  return (static_cast<float>(value) / 255.0F - static_cast<float>(mean)) / static_cast<float>(std);
}

}  // namespace trady::kernels
