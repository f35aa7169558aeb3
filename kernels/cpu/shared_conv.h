// Convolutions of a batch by a team of threads, image by image. An image is computed alike whatever
// the number of threads, so that it decides no bit.
#pragma once

#include <functional>
#include <memory>

#include "kernels/backend.h"
#include "kernels/team.h"

namespace trady::kernels::cpu {

/// A pass of the shape with `one` for each image; null where the masks of two images share a byte.
/// `make` makes the pass of a single image.
std::unique_ptr<ConvForward> make_shared_forward(
    const ConvShape& shape, std::shared_ptr<const Team> team,
    const std::function<std::unique_ptr<ConvForward>(const ConvShape&)>& make);
std::unique_ptr<ConvGradInput> make_shared_grad_input(
    const ConvShape& shape, std::shared_ptr<const Team> team,
    const std::function<std::unique_ptr<ConvGradInput>(const ConvShape&)>& make);

}  // namespace trady::kernels::cpu
