#include "bench/cuda/work_floor.h"

#include <algorithm>

#include "kernels/cuda/traffic.h"

namespace trady::bench {

Work sliced_gradient_work(const kernels::ConvShape& shape, int64_t count,
                          kernels::cuda::Precision precision) {
  constexpr int64_t kSector = 32, kFloat = 4;
  Work work;
  work.bytes =
      kernels::cuda::grad_weight_bytes(shape, kernels::SliceKind::input_channels, count, 0);
  if (shape.depthwise) {
    const int64_t listed = count * kFloat;
    const int64_t moved = std::min(count * kSector, shape.out_c * kFloat);
    work.bytes += (moved - listed) * shape.out_positions();
  }
  work.operations = 2 * shape.multiply_adds() / shape.in_c * count;
  work.on_tensor_cores = !shape.depthwise && precision == kernels::cuda::Precision::tf32;
  return work;
}

Floor floor_of(const Work& work, const MachineRates& rates) {
  const double flops = work.on_tensor_cores ? rates.tf32_flops : rates.fp32_flops;
  const double bytes_us = 1e6 * static_cast<double>(work.bytes) / rates.bytes_per_second;
  const double operations_us = 1e6 * static_cast<double>(work.operations) / flops;
  if (rates.empty_node_us >= std::max(bytes_us, operations_us)) {
    return {rates.empty_node_us, "launch"};
  }
  if (bytes_us >= operations_us) return {bytes_us, "bytes"};
  return {operations_us, "operations"};
}

nlohmann::json json_of(const MachineRates& rates) {
  return {{"bytes_per_second", rates.bytes_per_second},
          {"tf32_flops", rates.tf32_flops},
          {"fp32_flops", rates.fp32_flops},
          {"empty_node_us", rates.empty_node_us}};
}

}  // namespace trady::bench
