#include <stdexcept>

#include "kernels/backend.h"

namespace trady::kernels {

void Backend::transform_images(const ImageBuffers&, int64_t, int) const {
  throw std::invalid_argument("[" + name() + "] this device does not transform images");
}

}  // namespace trady::kernels
