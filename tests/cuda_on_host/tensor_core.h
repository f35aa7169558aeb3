// The product of a warp's fragments.
#pragma once

#include "block.h"

namespace cuda_on_host {

/// d += A B; every lane's fragments in, its d out.
void multiply_fragments(WarpOperation* const (&lanes)[32]);

}  // namespace cuda_on_host
