// RGB pictures as PNG, through stb_image_write.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trady::tools {

/// Of pixels [side, side, 3].
std::vector<uint8_t> png_of(std::span<const uint8_t> pixels, int side);

}  // namespace trady::tools
