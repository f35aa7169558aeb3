// The residual networks: numbers of parameters and multiply-adds that are known of them, and
// checkpoints that others trained.
#include <catch2/catch.hpp>

#include "engine/batch_norm.h"
#include "engine/step/step_runner.h"
#include "models/resnet.h"
#include "tests/engine/tiny_networks.h"

namespace trady::models {
namespace {

/// Weights, gamma and beta of a network with separate batch-norm, as frameworks count them.
int64_t trained_values(const Network& network) {
  int64_t sum = 0;
  for (const ParameterSpec& spec : network.tape.parameters()) {
    const bool is_statistic =
        spec.name.ends_with(".running_mean") || spec.name.ends_with(".running_var");
    if (!spec.is_derived && !is_statistic) sum += spec.elements;
  }
  return sum;
}

int64_t conv_multiply_adds(const Network& network) {
  int64_t sum = 0;
  for (const ConvLayer& conv : network.tape.convs()) sum += conv.shape.multiply_adds();
  return sum;
}

NetworkOptions options_for(int64_t size, int64_t classes, BatchNormMode mode) {
  NetworkOptions options;
  options.image_size = size;
  options.classes = classes;
  options.batch_norm = mode;
  return options;
}

const ResNetSpec kResNet18{{2, 2, 2, 2}, false};
const ResNetSpec kResNet34{{3, 4, 6, 3}, false};
const ResNetSpec kResNet50{{3, 4, 6, 3}, true};

}  // namespace

TEST_CASE("ResNets have as many parameters as torchvision's", "[resnet]") {
  for (const BatchNormMode mode : {BatchNormMode::frozen, BatchNormMode::train}) {
    const NetworkOptions options = options_for(224, 1000, mode);
    CHECK(trained_values(build_resnet("resnet18", kResNet18, options)) == 11'689'512);
    CHECK(trained_values(build_resnet("resnet34", kResNet34, options)) == 21'797'672);
    CHECK(trained_values(build_resnet("resnet50", kResNet50, options)) == 25'557'032);
  }
}

TEST_CASE("A ResNet-50 has 53 convolutions and 4.09 G multiply-adds", "[resnet]") {
  const Network network =
      build_resnet("resnet50", kResNet50, options_for(224, 1000, BatchNormMode::frozen));
  CHECK(network.tape.convs().size() == 53);
  // Published with the classifier: 4.09 G.
  CHECK(conv_multiply_adds(network) + 2048 * 1000 == 4'089'184'256);
  CHECK(network.tape.head() == "fc");
}

TEST_CASE("CIFAR ResNets have as many parameters as published", "[resnet]") {
  const NetworkOptions options = options_for(32, 10, BatchNormMode::frozen);
  CHECK(trained_values(build_cifar_resnet("resnet20", 3, options)) == 269'722);
  CHECK(trained_values(build_cifar_resnet("resnet56", 9, options)) == 853'018);
  CHECK(build_cifar_resnet("resnet20", 3, options).tape.head() == "linear");
}

TEST_CASE("The cpu device computes a CIFAR ResNet's step as the reference does", "[resnet]") {
  for (const BatchNormMode mode : {BatchNormMode::frozen, BatchNormMode::train}) {
    const Network network = build_cifar_resnet("resnet8", 1, options_for(16, 10, mode));
    const Tape& tape = network.tape;
    std::vector<testing::Gradients> gradients;
    for (const bool reference : {true, false}) {
      const auto device = reference ? kernels::make_reference_backend(kernels::DType::float64)
                                    : kernels::make_cpu_backend();
      Parameters parameters(tape.parameters(), *device);
      testing::fill_random(parameters, 3);
      for (const BatchNormLayer& layer : tape.batch_norms()) {
        const auto count =
            static_cast<size_t>(parameters.specs()[static_cast<size_t>(layer.gamma)].elements);
        parameters.set(layer.gamma, std::vector<double>(count, 0.8));
        parameters.set(layer.running_variance, std::vector<double>(count, 1.5));
      }
      merge_batch_norms(tape, parameters);
      const int64_t micro_batch = mode == BatchNormMode::train ? 4 : 1;
      StepRunner runner(tape, *device, parameters, {}, {4, micro_batch, true, {}}, 2);
      const testing::RandomBatch batch(tape, 4, 5);
      runner.select(testing::mixed_plan(tape, 1));
      gradients.push_back(testing::gradients_of(runner, tape, batch));
      CHECK(runner.measured() == runner.planned());
    }
    REQUIRE(gradients[0].size() == gradients[1].size());
    for (const auto& [name, expected] : gradients[0]) {
      INFO(name);
      CHECK(testing::relative_error(gradients[1].at(name).values, expected.values) <= 1e-4);
    }
  }
}

}  // namespace trady::models
