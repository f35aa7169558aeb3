#include "engine/batch_norm.h"

#include <cmath>

namespace trady {

namespace {

/// Multiplies every output channel of an OIHW weight by its factor.
void scale_channels(std::vector<double>& weight, const std::vector<double>& factors) {
  const size_t row = weight.size() / factors.size();
  for (size_t i = 0; i < weight.size(); ++i) weight[i] *= factors[i / row];
}

}  // namespace

void merge_batch_norms(const Tape& tape, Parameters& parameters) {
  if (tape.batch_norm_mode() != BatchNormMode::frozen) return;
  for (const BatchNormLayer& layer : tape.batch_norms()) {
    std::vector<double> scale = parameters.get(layer.gamma);
    std::vector<double> bias = parameters.get(layer.beta);
    const std::vector<double> mean = parameters.get(layer.running_mean);
    const std::vector<double> variance = parameters.get(layer.running_variance);
    for (size_t c = 0; c < scale.size(); ++c) {
      scale[c] /= std::sqrt(variance[c] + layer.epsilon);
      bias[c] -= scale[c] * mean[c];
    }
    parameters.set(layer.scale, scale);
    parameters.set(layer.merged_bias, bias);
    std::vector<double> weight = parameters.get(layer.weight);
    scale_channels(weight, parameters.get(layer.scale));  // as rounded: SGD uses the same
    parameters.set(layer.weight, weight);
  }
}

std::vector<double> plain_weight(const BatchNormLayer& layer, const Parameters& parameters,
                                 std::span<const double> before) {
  std::vector<double> weight = parameters.get(layer.weight);
  const std::vector<double> scale = parameters.get(layer.scale);
  const kernels::DType dtype = parameters.backend().dtype();
  const auto as_stored = [&](double value) {
    return dtype == kernels::DType::float32 ? static_cast<float>(value) : value;
  };
  const size_t row = weight.size() / scale.size();
  for (size_t i = 0; i < weight.size(); ++i) {
    const double s = scale[i / row];
    if (i < before.size() && as_stored(before[i] * s) == weight[i]) {
      weight[i] = before[i];
    } else {
      weight[i] = s == 0 ? 0 : weight[i] / s;
    }
  }
  return weight;
}

}  // namespace trady
