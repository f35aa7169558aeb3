// Whole networks against what PyTorch computed in float64: logits, loss and every gradient.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/checkpoint.h"
#include "engine/device_values.h"
#include "engine/error.h"
#include "engine/step/step_runner.h"
#include "models/model_file.h"
#include "models/registry.h"
#include "tests/models/golden_comparison.h"
#include "tests/real_data.h"

namespace trady {
namespace {

using testing::in_disk_order;
using testing::nmse;

/// The goldens' inputs are bytes, normalised: (p / 255 - 0.5) / 0.5.
std::vector<uint8_t> pixels_nhwc(const std::vector<double>& nchw, int64_t batch, int64_t size) {
  std::vector<uint8_t> pixels(nchw.size());
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t p = 0; p < size * size; ++p) {
        const double x = nchw[static_cast<size_t>((n * 3 + c) * size * size + p)];
        pixels[static_cast<size_t>((n * size * size + p) * 3 + c)] =
            static_cast<uint8_t>(std::lround((x * 0.5 + 0.5) * 255));
      }
    }
  }
  return pixels;
}

std::string golden_name(const GradientSlot& slot) {
  const std::string what = slot.is_bias ? ".bias.grad" : ".weight.grad";
  if (slot.conv_index < 0) return "head" + what;
  return concat("conv", slot.conv_index < 10 ? "0" : "", slot.conv_index, what);
}

struct Comparison {
  double logits = 0, loss = 0;
  std::vector<double> gradients;  // ascending
};

Comparison compare(const std::string& model, const kernels::Backend& backend, int64_t micro_batch,
                   WeightResidency residency) {
  const auto weights =
      SafetensorsFile::open(testing::real_data("weights/" + model + ".safetensors"));
  const auto golden =
      SafetensorsFile::open(testing::real_data("goldens/" + model + ".safetensors"));
  const Network network = models::build(model, models::describe(weights).options);
  Parameters parameters(network.tape.parameters(), backend);
  load_parameters(weights, parameters);

  constexpr int64_t kBatch = 8;
  StepSettings settings{kBatch, micro_batch, true, residency};
  settings.logits = true;
  StepRunner runner(network.tape, backend, parameters, {}, settings, 2);
  runner.select({std::vector<LayerUpdate>(network.tape.convs().size(), LayerUpdate::whole(true))});
  const auto pixels = pixels_nhwc(golden.read_doubles("x_nchw"), kBatch, 128);
  const auto label_values = golden.read_doubles("labels");
  const std::vector<int32_t> labels(label_values.begin(), label_values.end());
  const BatchView batch{pixels.data(), labels.data(), kBatch};

  Comparison result;
  const EvaluationResult evaluated = runner.evaluate(batch);
  result.logits = nmse(runner.logits(), golden.read_doubles("logits"));
  result.loss = std::abs(evaluated.loss_sum / kBatch / golden.read_doubles("loss")[0] - 1);

  size_t compared = 0;
  runner.on_gradients([&](const GradientView& view) {
    for (const GradientSlot& slot : view.slots) {
      const auto values = read_values(backend, view.values(slot), slot.elements);
      result.gradients.push_back(
          nmse(in_disk_order(slot, values), golden.read_doubles(golden_name(slot))));
      ++compared;
    }
  });
  runner.train(batch, 0.0);
  CHECK(compared == 2 * network.tape.convs().size() + 2);
  CHECK(runner.measured() == runner.planned());
  std::ranges::sort(result.gradients);
  return result;
}

bool goldens_exist() {
  return !testing::real_data("goldens").empty();
}

}  // namespace

TEST_CASE("Reference in float64 equals PyTorch in float64") {
  if (!goldens_exist()) return;
  const auto backend = kernels::make_reference_backend(kernels::DType::float64);
  for (const std::string model : {"mbv2-w0.35", "mcunet-5fps"}) {
    const Comparison result = compare(model, *backend, 4, {});
    INFO(model << ": logits " << result.logits << ", worst gradient " << result.gradients.back());
    CHECK(result.logits <= 1e-12);
    CHECK(result.gradients.back() <= 1e-12);
    CHECK(result.loss <= 1e-7);
  }
}

TEST_CASE("The CPU device is within float32's margins of PyTorch in float64") {
  if (!goldens_exist()) return;
  const auto backend = kernels::make_cpu_backend();
  for (const std::string model : {"mbv2-w0.35", "mcunet-5fps"}) {
    for (const WeightResidency residency : {WeightResidency{true, true}, {false, false}}) {
      const Comparison result = compare(model, *backend, 2, residency);
      const double median = result.gradients[result.gradients.size() / 2];
      WARN(model << ": logits " << result.logits << ", median gradient " << median << ", worst "
                 << result.gradients.back());
      CHECK(std::sqrt(result.logits) <= 1e-5);
      CHECK(result.gradients.back() <= 1e-4);
      CHECK(median <= 1e-5);
      CHECK(result.loss <= 1e-5);
    }
  }
}

}  // namespace trady
