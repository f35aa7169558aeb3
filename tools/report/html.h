// Text, bytes and pictures as parts of one HTML file that needs no other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trady::tools {

/// With everything that HTML would read as markup written as what it is, quotes included.
std::string html_text(std::string_view text);

/// Base64 with padding (RFC 4648).
std::string base64(std::span<const uint8_t> bytes);

/// An <img> that holds the RGB picture [side, side, 3] as PNG.
std::string html_image(std::span<const uint8_t> pixels, int side);

}  // namespace trady::tools
