// The least time that a GPU can take for a sliced weight gradient: what it has to move, at the
// bandwidth that was measured; what it has to compute, at the rate that was measured; and one node
// of a graph.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "kernels/cuda/precision.h"
#include "kernels/types.h"

namespace trady::bench {

/// What this GPU does at most, as machine_rates.h measures it.
struct MachineRates {
  double bytes_per_second = 0;            ///< the largest of copying and reading
  double tf32_flops = 0, fp32_flops = 0;  ///< matrix products
  double empty_node_us = 0;
};

struct Work {
  int64_t bytes = 0;
  int64_t operations = 0;  ///< 2 a multiply-add
  bool on_tensor_cores = false;
};

/// The gradient of `count` input channels from the packed x, dy and to the packed dw: each read or
/// written once. Of dy's listed channels (depthwise) memory moves whole sectors of 32 bytes.
Work sliced_gradient_work(const kernels::ConvShape& shape, int64_t count,
                          kernels::cuda::Precision precision);

struct Floor {
  double us = 0;
  const char* bound_by = "";  ///< "bytes", "operations" or "launch"
};
Floor floor_of(const Work& work, const MachineRates& rates);

nlohmann::json json_of(const MachineRates& rates);

}  // namespace trady::bench
