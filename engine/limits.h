// Sizes beyond which a request is a mistake: told before byte counts overflow or memory is asked
// for.
#pragma once

#include <cstdint>

namespace trady {

/// Side of a network's square input, in pixels.
constexpr int kMaxImageSize = 4096;

/// Elements of one parameter, or of one tensor per sample: 8 GiB of float32. Multiply-adds of a
/// layer, a product of the two, still fit an int64_t.
constexpr int64_t kMaxTensorElements = int64_t{1} << 31;

}  // namespace trady
