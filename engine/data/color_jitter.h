// Brightness, contrast and saturation, as torchvision's ColorJitter on a Pillow image.
#pragma once

#include "engine/data/planar_image.h"
#include "kernels/image_transform.h"

namespace trady {

using kernels::ColorChange;
using kernels::ColorJitter;

/// In place.
void apply_color_jitter(const ColorJitter& jitter, PlanarImage& image);

}  // namespace trady
