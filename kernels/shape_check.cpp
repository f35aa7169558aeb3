#include "kernels/shape_check.h"

#include <stdexcept>
#include <string>

namespace trady::kernels {
namespace {

void require(bool condition, const std::string& what) {
  if (!condition) throw std::invalid_argument("[conv2d] " + what);
}

void require_positive(int64_t value, const char* name) {
  require(value > 0, std::string(name) + " must be positive, got " + std::to_string(value));
}

}  // namespace

void check_shape(const ConvShape& shape) {
  require_positive(shape.batch, "batch");
  require_positive(shape.in_h, "in_h");
  require_positive(shape.in_w, "in_w");
  require_positive(shape.in_c, "in_c");
  require_positive(shape.out_c, "out_c");
  require_positive(shape.kernel, "kernel");
  require_positive(shape.stride, "stride");
  require(shape.padding >= 0, "padding must not be negative, got " + std::to_string(shape.padding));
  require(shape.in_h + 2 * shape.padding >= shape.kernel &&
              shape.in_w + 2 * shape.padding >= shape.kernel,
          "kernel " + std::to_string(shape.kernel) + " is larger than the padded input, " +
              std::to_string(shape.in_h + 2 * shape.padding) + " x " +
              std::to_string(shape.in_w + 2 * shape.padding));
  require(!shape.depthwise || shape.in_c == shape.out_c,
          "depthwise needs as many outputs as inputs, got " + std::to_string(shape.in_c) +
              " inputs and " + std::to_string(shape.out_c) + " outputs");
}

void check_shape(const MaxPoolShape& s) {
  const bool positive = s.batch > 0 && s.in_h > 0 && s.in_w > 0 && s.channels > 0 && s.stride > 0;
  const bool window = s.kernel > 0 && s.kernel <= MaxPoolShape::kWidestWindow && s.padding >= 0 &&
                      s.padding <= s.kernel / 2 && s.in_h + 2 * s.padding >= s.kernel &&
                      s.in_w + 2 * s.padding >= s.kernel;
  if (!positive || !window) {
    throw std::invalid_argument("[max_pool] a window of " + std::to_string(s.kernel) + ", stride " +
                                std::to_string(s.stride) + " and padding " +
                                std::to_string(s.padding) + " does not fit an input of " +
                                std::to_string(s.in_h) + " x " + std::to_string(s.in_w));
  }
}

void check_shape(const ShortcutShape& s) {
  const bool positive = s.batch > 0 && s.in_h > 0 && s.in_w > 0 && s.in_c > 0 && s.stride > 0;
  if (!positive || s.first_c < 0 || s.first_c + s.in_c > s.out_c) {
    throw std::invalid_argument("[shortcut] " + std::to_string(s.in_c) + " channels at place " +
                                std::to_string(s.first_c) + " do not fit into " +
                                std::to_string(s.out_c));
  }
}

int64_t channels_of_kind(const ConvShape& shape, SliceKind kind) {
  return kind == SliceKind::input_channels ? shape.in_c : shape.out_c;
}

void check_slices(const ConvShape& shape, SliceKind kind, int64_t count) {
  check_shape(shape);
  require(count >= 0 && count <= channels_of_kind(shape, kind),
          std::to_string(count) + " channels selected of " +
              std::to_string(channels_of_kind(shape, kind)));
}

}  // namespace trady::kernels
