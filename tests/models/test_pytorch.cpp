// Networks of torchvision against what PyTorch computed in float64, with batch-norms frozen and
// trained. The files are made by tests/goldens/make_network_goldens.py, which needs PyTorch:
//   TRADY_PYTORCH_GOLDENS=FOLDER test_models "[pytorch]"
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "engine/device_values.h"
#include "engine/step/step_runner.h"
#include "models/batch_norm_modes.h"
#include "models/registry.h"
#include "models/weights.h"
#include "tests/models/golden_comparison.h"

namespace trady {
namespace {

using testing::nmse;

constexpr int64_t kBatch = 4;

struct Worst {
  double logits = 0, gradient = 0, statistics = 0;
  double zeros = 0;  ///< root mean square of gradients that are 0: of a beta that has no effect
  double pytorch_float32 = 0;  ///< PyTorch's own worst gradient in that type
};

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

class Comparison {
 public:
  Comparison(const std::string& folder, const std::string& model, BatchNormMode mode,
             const kernels::Backend& backend)
      : golden_(SafetensorsFile::open(folder + "/" + model + ".golden.safetensors")),
        mode_(models::name_of(mode)) {
    const auto weights = SafetensorsFile::open(folder + "/" + model + ".safetensors");
    models::ModelFile described = models::describe(weights);
    described.options.batch_norm = mode;
    network_ = models::build(model, described.options);
    parameters_ = std::make_unique<Parameters>(network_.tape.parameters(), backend);
    models::load_weights(weights, described, network_, *parameters_);
    StepSettings settings{kBatch, mode == BatchNormMode::train ? kBatch : 2};
    settings.logits = true;
    runner_ = std::make_unique<StepRunner>(network_.tape, backend, *parameters_,
                                           OptimizerSettings{}, settings, 2);
    runner_->select(
        {std::vector<LayerUpdate>(network_.tape.convs().size(), LayerUpdate::whole(true))});
  }

  Worst run() {
    const auto pixel_values = golden_.read_doubles("pixels");
    const auto label_values = golden_.read_doubles("labels");
    const std::vector<uint8_t> pixels(pixel_values.begin(), pixel_values.end());
    const std::vector<int32_t> labels(label_values.begin(), label_values.end());
    const BatchView batch{pixels.data(), labels.data(), kBatch};
    Worst worst;
    worst.pytorch_float32 = golden_.read_doubles(mode_ + ".float32")[0];
    runner_->evaluate(batch);
    worst.logits = nmse(runner_->logits(), golden_.read_doubles("frozen.logits"));
    size_t compared = 0;
    runner_->on_gradients([&](const GradientView& view) {
      for (const GradientSlot& slot : view.slots) {
        const auto& spec = network_.tape.parameters()[static_cast<size_t>(slot.parameter)];
        const auto values = testing::in_disk_order(
            slot, read_values(view.backend, view.values(slot), slot.elements));
        const auto truth = golden_.read_doubles(mode_ + ".grad." + spec.name);
        constexpr double kZero = 1e-14;
        if (root_mean_square(truth) < kZero) {
          worst.zeros = std::max(worst.zeros, root_mean_square(values));
        } else {
          worst.gradient = std::max(worst.gradient, nmse(values, truth));
        }
        ++compared;
      }
    });
    const TrainResult trained = runner_->train(batch, 0.0);
    CHECK(trained.loss == Approx(golden_.read_doubles(mode_ + ".loss")[0]).epsilon(1e-5));
    const size_t norms = mode_ == "train" ? 2 * network_.tape.batch_norms().size() : 0;
    CHECK(compared == network_.tape.convs().size() + norms + 2);
    if (mode_ == "train") {
      for (const BatchNormLayer& layer : network_.tape.batch_norms()) {
        for (const ParameterId id : {layer.running_mean, layer.running_variance}) {
          const std::string& name = parameters_->specs()[static_cast<size_t>(id)].name;
          worst.statistics =
              std::max(worst.statistics,
                       nmse(parameters_->get(id), golden_.read_doubles("train.after." + name)));
        }
      }
    }
    CHECK(runner_->measured() == runner_->planned());
    return worst;
  }

 private:
  SafetensorsFile golden_;
  std::string mode_;
  Network network_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<StepRunner> runner_;
};

void compare_all(const kernels::Backend& backend, const Worst& margin) {
  const char* folder = std::getenv("TRADY_PYTORCH_GOLDENS");
  if (!folder) {
    std::cout << "SKIP: TRADY_PYTORCH_GOLDENS is not set; see tests/models/test_pytorch.cpp\n";
    return;
  }
  for (const std::string model : {"resnet18", "resnet50", "mobilenet_v2"}) {
    for (const BatchNormMode mode : {BatchNormMode::frozen, BatchNormMode::train}) {
      const Worst worst = Comparison(folder, model, mode, backend).run();
      WARN(model << " " << models::name_of(mode) << " on " << backend.name() << ": logits "
                 << worst.logits << ", worst gradient " << worst.gradient
                 << " (PyTorch in float32: " << worst.pytorch_float32 << "), statistics "
                 << worst.statistics << ", zeros " << worst.zeros);
      CHECK(worst.logits <= margin.logits);
      CHECK(worst.gradient <= margin.gradient + margin.pytorch_float32 * worst.pytorch_float32);
      CHECK(worst.statistics <= margin.statistics);
      CHECK(worst.zeros <= margin.zeros);
    }
  }
}

}  // namespace

TEST_CASE("torchvision's networks: the reference in float64 equals PyTorch in float64",
          "[.][pytorch]") {
  compare_all(*kernels::make_reference_backend(kernels::DType::float64),
              {1e-12, 1e-12, 1e-12, 1e-12, 0});
}

TEST_CASE("torchvision's networks: the CPU device is within float32's margins", "[.][pytorch]") {
  compare_all(*kernels::make_cpu_backend(), {1e-10, 1e-6, 1e-9, 1e-6, 5});
}

}  // namespace trady
