// Dense k x k convolutions, by oneDNN where the build has it. Nothing of oneDNN shows here.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace trady::kernels::cpu {

std::unique_ptr<ConvForward> make_dense_forward(const ConvShape& shape, Activation activation);
std::unique_ptr<ConvGradInput> make_dense_grad_input(const ConvShape& shape);

}  // namespace trady::kernels::cpu
