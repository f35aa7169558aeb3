// Programmer errors that every backend refuses alike when a pass is made.
#pragma once

#include "kernels/types.h"

namespace trady::kernels {

/// Throws std::invalid_argument unless all sizes are positive, the output is at least one pixel and
/// a depthwise convolution has as many outputs as inputs.
void check_shape(const ConvShape& shape);

/// Throws std::invalid_argument unless all sizes are positive, the window is at most kWidestWindow
/// wide, the padding at most half of it, and the output at least one pixel.
void check_shape(const MaxPoolShape& shape);

/// Throws std::invalid_argument unless all sizes are positive and x's channels lie within y's.
void check_shape(const ShortcutShape& shape);

/// Channels that a list of `kind` chooses from.
int64_t channels_of_kind(const ConvShape& shape, SliceKind kind);

/// check_shape, and 0 <= count <= channels_of_kind.
void check_slices(const ConvShape& shape, SliceKind kind, int64_t count);

}  // namespace trady::kernels
