// --calibrate-bn: a network whose batch-norms are folded into its weights gets them back.
#pragma once

#include <memory>

#include "engine/data/dataset.h"
#include "tools/setup.h"

namespace trady::tools {

/// The same network with batch-norms as model.batch_norm says, frozen or train; `folded` has none.
/// Their statistics are those of model.calibrate_bn images drawn from `images`, prepared as for
/// testing. Error if there are fewer.
LoadedNetwork with_batch_norms(const LoadedNetwork& folded, const ModelOptions& model,
                               const kernels::Backend& backend,
                               const std::shared_ptr<const Dataset>& images,
                               const DataOptions& data, uint64_t seed);

}  // namespace trady::tools
