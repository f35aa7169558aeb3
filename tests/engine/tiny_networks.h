// Networks of a few hundred weights, random values and batches for them, and their gradients.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "engine/batch_norm.h"
#include "engine/device_values.h"
#include "engine/random.h"
#include "engine/step/step_runner.h"

namespace trady::testing {

/// Convs 0 first, 1-3 a block with a residual, 4-6 one with stride 2, on 9 x 9 pixels: odd sizes,
/// every kind of convolution, more than one window at each border.
inline Tape tiny_network() {
  using kernels::Activation;
  Tape tape;
  TensorId x = tape.image(9, {});
  x = tape.conv2d(x, {.name = "first",
                      .out_channels = 4,
                      .kernel = 3,
                      .stride = 2,
                      .activation = Activation::relu6});
  TensorId y =
      tape.conv2d(x, {.name = "a.expand", .out_channels = 6, .activation = Activation::relu6});
  y = tape.conv2d(y, {.name = "a.depthwise",
                      .out_channels = 6,
                      .kernel = 3,
                      .depthwise = true,
                      .activation = Activation::relu6});
  x = tape.conv2d(y, {.name = "a.project", .out_channels = 4, .residual = x});
  y = tape.conv2d(x, {.name = "b.expand", .out_channels = 7, .activation = Activation::relu});
  y = tape.conv2d(y, {.name = "b.depthwise",
                      .out_channels = 7,
                      .kernel = 5,
                      .stride = 2,
                      .depthwise = true,
                      .activation = Activation::relu6});
  y = tape.conv2d(y, {.name = "b.project", .out_channels = 5});
  tape.cross_entropy(tape.linear(tape.mean_pool(y), "classifier", 3));
  return tape;
}

/// A residual block behind max pooling whose input feeds two convolutions, and one whose shortcut
/// has no parameters.
inline Tape residual_network(BatchNormMode mode) {
  using kernels::Activation;
  Tape tape(mode);
  const auto conv = [&](TensorId x, const std::string& name, int64_t channels, int64_t stride,
                        Activation activation, TensorId residual = kNoTensor) {
    return tape.conv2d(x, {.name = name,
                           .out_channels = channels,
                           .kernel = 3,
                           .stride = stride,
                           .batch_norm = name + "_norm",
                           .epsilon = 1e-3,
                           .activation = activation,
                           .residual = residual});
  };
  TensorId x = tape.image(9, {});
  x = tape.max_pool(conv(x, "first", 4, 1, Activation::relu), 3, 2);
  TensorId y = conv(x, "a.1", 5, 1, Activation::relu);
  TensorId short_way = conv(x, "a.0", 5, 1, Activation::none);
  x = conv(y, "a.2", 5, 1, Activation::relu, short_way);
  y = conv(x, "b.1", 8, 2, Activation::relu6);
  short_way = tape.shortcut(x, 2, 8);
  x = conv(y, "b.2", 8, 1, Activation::relu, short_way);
  tape.cross_entropy(tape.linear(tape.mean_pool(x), "classifier", 3));
  return tape;
}

/// Weights that cut ReLU6 at both corners and keep the gradients alive.
inline void fill_random(Parameters& parameters, uint64_t seed) {
  for (size_t i = 0; i < parameters.specs().size(); ++i) {
    const ParameterSpec& spec = parameters.specs()[i];
    const auto fan_in = static_cast<double>(spec.elements / spec.disk_shape[0]);
    const double deviation = spec.disk_shape.size() > 1 ? 2.0 / std::sqrt(fan_in) : 0.4;
    RandomStream random(seed, RandomPurpose::initialization, 0, static_cast<uint32_t>(i));
    std::vector<double> values(static_cast<size_t>(spec.elements));
    for (double& value : values) value = deviation * random.normal();
    parameters.set(static_cast<ParameterId>(i), values);
  }
}

/// After fill_random: gammas around 1, variances above 0, and where batch-norm is frozen merged.
inline void fill_batch_norms(const Tape& tape, Parameters& parameters) {
  const auto change = [&](ParameterId id, const auto& map) {
    std::vector<double> values = parameters.get(id);
    for (double& value : values) value = map(value);
    parameters.set(id, values);
  };
  for (const BatchNormLayer& layer : tape.batch_norms()) {
    change(layer.gamma, [](double v) { return 1 + 0.3 * v; });
    change(layer.running_variance, [](double v) { return 0.5 + v * v; });
  }
  merge_batch_norms(tape, parameters);
}

inline std::vector<std::vector<double>> values_of(const Parameters& parameters) {
  std::vector<std::vector<double>> values;
  for (size_t i = 0; i < parameters.specs().size(); ++i) {
    values.push_back(parameters.get(static_cast<ParameterId>(i)));
  }
  return values;
}

struct RandomBatch {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;

  RandomBatch(const Tape& tape, int64_t count, uint64_t seed) {
    RandomStream random(seed, RandomPurpose::augmentation);
    pixels.resize(static_cast<size_t>(count * tape.image_size() * tape.image_size() * 3));
    for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random.below(256));
    for (int64_t i = 0; i < count; ++i) {
      labels.push_back(static_cast<int32_t>(random.below(static_cast<uint32_t>(tape.classes()))));
    }
  }
  BatchView view() const {
    return {pixels.data(), labels.data(), static_cast<int64_t>(labels.size())};
  }
};

struct Gradient {
  GradientSlot slot;
  std::vector<double> values;  ///< packed as ConvGradWeight writes them
};
/// By parameter name.
using Gradients = std::map<std::string, Gradient>;

/// The batch's gradients under the runner's selection, without an update.
inline Gradients gradients_of(StepRunner& runner, const Tape& tape, const RandomBatch& batch) {
  Gradients result;
  runner.on_gradients([&](const GradientView& view) {
    for (const GradientSlot& slot : view.slots) {
      result[tape.parameters()[static_cast<size_t>(slot.parameter)].name] = {
          slot, read_values(view.backend, view.values(slot), slot.elements)};
    }
  });
  runner.train(batch.view(), 0.0);
  runner.on_gradients(nullptr);
  return result;
}

/// Positions of a slot's elements in the whole weight [O][k][k][I] (depthwise [C][k][k]), written
/// apart from the kernels' own index arithmetic.
inline std::vector<size_t> positions_in_whole(const GradientSlot& slot) {
  const auto& s = slot.shape;
  std::vector<size_t> positions;
  const int64_t in = s.depthwise ? 1 : s.in_c;
  if (slot.is_bias) {
    positions.resize(static_cast<size_t>(s.out_c));
    std::iota(positions.begin(), positions.end(), size_t{0});
    return positions;
  }
  const bool by_row = s.depthwise || slot.kind == kernels::SliceKind::output_channels;
  for (int64_t o = 0; o < s.out_c; ++o) {
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      for (int64_t i = 0; i < in; ++i) {
        const int64_t unit = by_row ? o : i;
        for (int32_t channel : slot.channels) {
          if (channel == unit)
            positions.push_back(static_cast<size_t>((o * s.taps() + tap) * in + i));
        }
      }
    }
  }
  return positions;
}

inline double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return error == 0 ? 0 : std::sqrt(error / norm);
}

/// Derivative of `loss()` by a value of which a step is `unit` times that of what is asked for.
template <typename Loss>
double central_difference(double& value, const Loss& loss, double unit = 1) {
  constexpr double kStep = 1e-6;
  const double before = value;
  const auto loss_at = [&](double moved) {
    value = moved;
    return loss();
  };
  const double above = loss_at(before + unit * kStep);
  const double below = loss_at(before - unit * kStep);
  value = before;
  return (above - below) / (2 * kStep);
}

inline UpdatePlan every_weight(const Tape& tape) {
  return {std::vector<LayerUpdate>(tape.convs().size(), LayerUpdate::whole(true))};
}

/// All kinds of update at once, different for every seed; each layer's list is of random length,
/// from none to all channels.
inline UpdatePlan mixed_plan(const Tape& tape, uint32_t seed) {
  RandomStream random(seed, RandomPurpose::selection);
  UpdatePlan plan = UpdatePlan::head_only(tape.convs().size());
  for (size_t i = 0; i < plan.convs.size(); ++i) {
    const auto& shape = tape.convs()[i].shape;
    const uint32_t kind = random.below(5);
    if (kind == 0) continue;
    if (kind == 1) plan.convs[i] = LayerUpdate::bias_only();
    if (kind == 4) plan.convs[i] = LayerUpdate::whole(random.below(2) == 0);
    if (kind == 2 || kind == 3) {
      std::vector<int32_t> channels(static_cast<size_t>(kind == 2 ? shape.in_c : shape.out_c));
      std::iota(channels.begin(), channels.end(), 0);
      const uint32_t wanted = random.below(static_cast<uint32_t>(channels.size()) + 1);
      shuffle(std::span<int32_t>(channels), random);
      channels.resize(wanted);
      std::ranges::sort(channels);
      plan.convs[i] = kind == 2 ? LayerUpdate::inputs(channels) : LayerUpdate::outputs(channels);
    }
  }
  return plan;
}

}  // namespace trady::testing
