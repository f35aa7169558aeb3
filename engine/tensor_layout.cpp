#include "engine/tensor_layout.h"

#include "engine/error.h"

namespace trady {
namespace {

/// Every filter is a matrix of rows x columns; the result holds its transpose.
std::vector<double> transpose_filters(std::span<const double> weight, const FilterShape& shape,
                                      int64_t rows, int64_t columns) {
  if (static_cast<int64_t>(weight.size()) != shape.elements()) {
    fail("[layout] a weight of shape [", shape.out, ", ", shape.in, ", ", shape.kernel_h, ", ",
         shape.kernel_w, "] has ", shape.elements(), " elements, got ", weight.size(),
         "; is it of another layer?");
  }
  std::vector<double> result(weight.size());
  for (int64_t o = 0; o < shape.out; ++o) {
    const double* from = weight.data() + o * rows * columns;
    double* to = result.data() + o * rows * columns;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
    }
  }
  return result;
}

}  // namespace

std::vector<double> oihw_to_ohwi(std::span<const double> weight, const FilterShape& shape) {
  return transpose_filters(weight, shape, shape.in, shape.kernel_h * shape.kernel_w);
}

std::vector<double> ohwi_to_oihw(std::span<const double> weight, const FilterShape& shape) {
  return transpose_filters(weight, shape, shape.kernel_h * shape.kernel_w, shape.in);
}

}  // namespace trady
