// From pixels as a camera stored them to a picture that stands upright.
#pragma once

#include "engine/data/image.h"

namespace trady {

/// A copy of `stored` the way it is to be seen, as Pillow's ImageOps.exif_transpose gives it;
/// `orientation` as EXIF numbers it (exif.h), 1 to 8. From 5 on height and width change places.
Image upright(const ImageView& stored, int orientation);

}  // namespace trady
