// Weight files of networks with batch-norms: read in every mode, and written as they were read.
#include "models/weights.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "engine/batch_norm.h"
#include "engine/error.h"
#include "models/initialization.h"
#include "models/registry.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using Catch::Contains;

struct WeightsFile {
  explicit WeightsFile(const std::string& name)
      : path(std::filesystem::temp_directory_path() /
             (name + std::to_string(getpid()) + ".safetensors")) {}
  ~WeightsFile() { std::filesystem::remove(path); }
  SafetensorsFile open() const { return SafetensorsFile::open(path); }
  std::filesystem::path path;
};

struct Loaded {
  Network network;
  std::unique_ptr<Parameters> parameters;
};

Loaded empty_network(const std::string& name, BatchNormMode mode, const kernels::Backend& device) {
  NetworkOptions options = models::default_options(name);
  options.image_size = 32;
  options.classes = 3;
  options.batch_norm = mode;
  Loaded loaded;
  loaded.network = models::build(name, options);
  loaded.parameters = std::make_unique<Parameters>(loaded.network.tape.parameters(), device);
  return loaded;
}

/// Random weights with statistics, gamma and beta as of a trained network.
void write_random(const WeightsFile& file, const std::string& name,
                  const kernels::Backend& device) {
  Loaded net = empty_network(name, BatchNormMode::train, device);
  models::initialize_from_scratch(net.network, *net.parameters, 3, 1);
  RandomStream random(9, RandomPurpose::initialization);
  for (const BatchNormLayer& layer : net.network.tape.batch_norms()) {
    for (const ParameterId id :
         {layer.gamma, layer.beta, layer.running_mean, layer.running_variance}) {
      std::vector<double> values = net.parameters->get(id);
      for (double& value : values) value += 0.3 * random.uniform();
      net.parameters->set(id, values);
    }
  }
  models::save_weights(file.path, net.network, *net.parameters, {"ant", "bee", "cow"});
}

Loaded load(const WeightsFile& file, BatchNormMode mode, const kernels::Backend& device) {
  const SafetensorsFile weights = file.open();
  models::ModelFile described = models::describe(weights);
  described.options.batch_norm = mode;
  Loaded loaded;
  loaded.network = models::build(described.model, described.options);
  loaded.parameters = std::make_unique<Parameters>(loaded.network.tape.parameters(), device);
  models::load_weights(weights, described, loaded.network, *loaded.parameters);
  return loaded;
}

std::vector<double> logits_of(Loaded& net, const kernels::Backend& device) {
  StepSettings settings{2, 2, /*training=*/false};
  settings.logits = true;
  StepRunner runner(net.network.tape, device, *net.parameters, {}, settings, 1);
  runner.select(UpdatePlan::head_only(net.network.tape.convs().size()));
  const testing::RandomBatch batch(net.network.tape, 2, 4);
  runner.evaluate(batch.view());
  return runner.logits();
}

std::vector<std::string> differing_tensors(const SafetensorsFile& a, const SafetensorsFile& b) {
  REQUIRE(a.names() == b.names());
  std::vector<std::string> names;
  for (const std::string& name : a.names()) {
    if (a.read_doubles(name) != b.read_doubles(name)) names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("A file with batch-norms says so and computes the same in every mode", "[weights]") {
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  for (const std::string name : {"resnet20", "mobilenet_v2", "mbv2-w0.35"}) {
    const WeightsFile file("trady-modes-");
    write_random(file, name, *device);
    CHECK(models::describe(file.open()).has_batch_norms);
    CHECK(models::describe(file.open()).options.batch_norm == BatchNormMode::frozen);
    std::vector<std::vector<double>> logits;
    for (const auto mode : {BatchNormMode::train, BatchNormMode::frozen, BatchNormMode::folded}) {
      Loaded net = load(file, mode, *device);
      logits.push_back(logits_of(net, *device));
    }
    INFO(name);
    CHECK(testing::relative_error(logits[1], logits[0]) <= 1e-12);
    CHECK(testing::relative_error(logits[2], logits[0]) <= 1e-12);
  }
}

TEST_CASE("What nobody trained is written as it was read", "[weights]") {
  const auto device = kernels::make_cpu_backend();
  const WeightsFile file("trady-before-"), again("trady-after-");
  write_random(file, "resnet20", *device);
  for (const auto mode : {BatchNormMode::train, BatchNormMode::frozen}) {
    Loaded net = load(file, mode, *device);
    const SafetensorsFile source = file.open();
    const auto save = [&] {
      models::save_weights(again.path, net.network, *net.parameters, {"ant", "bee", "cow"},
                           file.path);
    };
    save();
    CHECK(differing_tensors(source, again.open()).empty());
    CHECK(again.open().metadata() == source.metadata());

    const std::string changed = "layer2.1.conv1.weight";
    const ParameterId id = net.parameters->find(changed);
    std::vector<double> values = net.parameters->get(id);
    values[40] += 1;
    net.parameters->set(id, values);
    save();
    CHECK(differing_tensors(source, again.open()) == std::vector<std::string>{changed});
    const std::vector<double> before = source.read_doubles(changed);
    const std::vector<double> after = again.open().read_doubles(changed);
    for (size_t i = 0; i < before.size(); ++i) CHECK((after[i] == before[i]) == (i != 40));
    if (mode == BatchNormMode::frozen) {
      // In memory it is the merged weight s * W that grew by 1.
      const BatchNormLayer& layer =
          *std::ranges::find(net.network.tape.batch_norms(), id, &BatchNormLayer::weight);
      const size_t row = before.size() / net.parameters->get(layer.scale).size();
      const double scale = net.parameters->get(layer.scale)[40 / row];
      CHECK((after[40] - before[40]) * scale == Approx(1).epsilon(1e-5));
    } else {
      CHECK(after[40] == Approx(before[40] + 1));
    }
  }
}

TEST_CASE("Folded weights have no batch-norms to freeze or train", "[weights]") {
  const auto device = kernels::make_cpu_backend();
  const WeightsFile file("trady-folded-");
  Loaded net = empty_network("mbv2-w0.35", BatchNormMode::folded, *device);
  models::initialize_from_scratch(net.network, *net.parameters, 3, 1);
  models::save_weights(file.path, net.network, *net.parameters, {});
  CHECK_FALSE(models::describe(file.open()).has_batch_norms);
  load(file, BatchNormMode::folded, *device);
  for (const auto mode : {BatchNormMode::train, BatchNormMode::frozen}) {
    CHECK_THROWS_WITH(load(file, mode, *device), Contains("--calibrate-bn"));
  }
}

TEST_CASE("A classifier that is left out stays as it was", "[weights]") {
  const auto device = kernels::make_cpu_backend();
  const WeightsFile file("trady-head-");
  write_random(file, "resnet20", *device);
  const SafetensorsFile weights = file.open();
  for (const auto mode : {BatchNormMode::train, BatchNormMode::frozen, BatchNormMode::folded}) {
    models::ModelFile described = models::describe(weights);
    described.options.batch_norm = mode;
    described.options.classes = 7;
    const Network network = models::build(described.model, described.options);
    Parameters parameters(network.tape.parameters(), *device);
    models::load_weights(weights, described, network, parameters, head_parameters(network));
    const std::vector<double> head = parameters.get(parameters.find("linear.weight"));
    CHECK(head == std::vector<double>(head.size(), 0));
    CHECK(parameters.get(parameters.find("conv1.weight"))[0] != 0);
  }
}

TEST_CASE("Metadata of width and epsilon is kept", "[weights]") {
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  NetworkOptions options = models::default_options("mobilenet_v2");
  options.width = 0.35;
  options.batch_norm_epsilon = 1e-3;
  const Network network = models::build("mobilenet_v2", options);
  for (const BatchNormLayer& layer : network.tape.batch_norms()) CHECK(layer.epsilon == 1e-3);
  const Parameters parameters(network.tape.parameters(), *device);
  const WeightsFile file("trady-width-");
  models::save_weights(file.path, network, parameters, {});
  const models::ModelFile described = models::describe(file.open());
  CHECK(described.options.width == 0.35);
  CHECK(described.options.batch_norm_epsilon == 1e-3);
  CHECK(described.options.normalization == options.normalization);
  options.width = 1;
  CHECK_NOTHROW(models::build("resnet18", models::default_options("resnet18")));
  NetworkOptions wide = models::default_options("resnet18");
  wide.width = 2;
  CHECK_THROWS_WITH(models::build("resnet18", wide), Contains("leave --width out"));
  for (const double bad : {0.0, -1.0, 1000.0, std::nan("")}) {
    options.width = bad;
    CHECK_THROWS_WITH(models::build("mobilenet_v2", options), Contains("width"));
  }
}

TEST_CASE("MobileNetV2 has as many parameters as torchvision's, at any width", "[weights]") {
  const auto trained = [](double width) {
    NetworkOptions options = models::default_options("mobilenet_v2");
    options.width = width;
    const Network network = models::build("mobilenet_v2", options);
    CHECK(network.tape.convs().size() == 52);
    int64_t sum = 0;
    for (const ParameterSpec& spec : network.tape.parameters()) {
      if (!spec.is_derived && spec.name.find(".running_") == std::string::npos)
        sum += spec.elements;
    }
    return sum;
  };
  CHECK(trained(1) == 3'504'872);
  CHECK(trained(0.35) == 1'677'128);
  CHECK(trained(0.5) == 1'968'680);
  CHECK(trained(1.4) == 6'108'776);
}

}  // namespace trady
