// Weight layouts: files hold the source framework's [O][I][kh][kw], the engine [O][kh][kw][I],
// where the channels that a slice selects lie side by side.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trady {

/// Of one convolution's weight. Depthwise: in = 1 (input channels of a group), so that both layouts
/// are the same.
struct FilterShape {
  int64_t out = 1;
  int64_t in = 1;
  int64_t kernel_h = 1;
  int64_t kernel_w = 1;

  int64_t elements() const { return out * in * kernel_h * kernel_w; }
};

/// [O][I][kh][kw] -> [O][kh][kw][I]. Error: trady::Error if the sizes differ.
std::vector<double> oihw_to_ohwi(std::span<const double> weight, const FilterShape& shape);

/// [O][kh][kw][I] -> [O][I][kh][kw]. Error: trady::Error if the sizes differ.
std::vector<double> ohwi_to_oihw(std::span<const double> weight, const FilterShape& shape);

}  // namespace trady
