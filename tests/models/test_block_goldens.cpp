// Tiny random networks of every kind of block against PyTorch's float64 logits, loss and gradients
// (tests/goldens/make_op_goldens.py says what is in the files).
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/safetensors.h"
#include "engine/tensor_layout.h"
#include "tests/engine/tiny_networks.h"
#include "tests/models/golden_comparison.h"

namespace trady {
namespace {

using testing::nmse;

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(__FILE__).parent_path().parent_path() / "goldens";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("op_") && name.ends_with(".safetensors")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

/// As the file describes it: unlike the builder of models/, blocks say themselves if they expand.
Tape tape_of(const nlohmann::json& network) {
  using kernels::Activation;
  Tape tape;
  TensorId x = tape.image(network["image_size"], {});
  x = tape.conv2d(x, {.name = "first_conv",
                      .out_channels = network["first"][1],
                      .kernel = network["first"][2],
                      .stride = network["first"][3],
                      .activation = Activation::relu6});
  for (size_t i = 0; i < network["blocks"].size(); ++i) {
    const auto& block = network["blocks"][i];  // in, mid, out, kernel, stride, residual, expands
    const std::string name = concat("blocks.", i);
    TensorId y = x;
    if (block[6] == 1) {
      y = tape.conv2d(
          y, {.name = name + ".expand", .out_channels = block[1], .activation = Activation::relu6});
    }
    y = tape.conv2d(y, {.name = name + ".depthwise",
                        .out_channels = block[1],
                        .kernel = block[3],
                        .stride = block[4],
                        .depthwise = true,
                        .activation = Activation::relu6});
    x = tape.conv2d(y, {.name = name + ".project",
                        .out_channels = block[2],
                        .residual = block[5] == 1 ? x : kNoTensor});
  }
  tape.cross_entropy(tape.linear(tape.mean_pool(x), "classifier", network["classes"]));
  return tape;
}

void compare(const std::filesystem::path& path, const kernels::Backend& device, int64_t micro_batch,
             double tolerance) {
  const auto file = SafetensorsFile::open(path);
  const auto description = nlohmann::json::parse(file.metadata().at("network"));
  const Tape tape = tape_of(description);
  const int64_t batch_size = description["batch"];
  if (batch_size % micro_batch != 0) return;
  Parameters parameters(tape.parameters(), device);
  for (size_t i = 0; i < tape.parameters().size(); ++i) {
    parameters.set(static_cast<ParameterId>(i), file.read_doubles(tape.parameters()[i].name));
  }
  testing::RandomBatch batch(tape, batch_size, 0);
  const auto pixels = file.read_doubles("pixels"), labels = file.read_doubles("labels");
  std::ranges::transform(pixels, batch.pixels.begin(),
                         [](double p) { return static_cast<uint8_t>(p); });
  std::ranges::transform(labels, batch.labels.begin(),
                         [](double l) { return static_cast<int32_t>(l); });

  StepSettings settings{batch_size, micro_batch, true, {}};
  settings.logits = true;
  StepRunner runner(tape, device, parameters, {}, settings, 2);
  runner.select(testing::every_weight(tape));
  INFO(path.filename() << " on " << device.name());
  const auto evaluated = runner.evaluate(batch.view());
  CHECK(nmse(runner.logits(), file.read_doubles("logits")) <= tolerance);
  CHECK(evaluated.loss_sum / static_cast<double>(batch_size) ==
        Approx(file.read_doubles("loss")[0]).epsilon(std::sqrt(tolerance)));

  const auto gradients = testing::gradients_of(runner, tape, batch);
  CHECK(gradients.size() == tape.parameters().size());
  for (const auto& [name, gradient] : gradients) {
    const auto& spec = tape.parameters()[static_cast<size_t>(gradient.slot.parameter)];
    const auto& d = spec.disk_shape;
    const auto values = spec.is_conv_weight ? ohwi_to_oihw(std::span<const double>(gradient.values),
                                                           {d[0], d[1], d[2], d[3]})
                                            : gradient.values;
    INFO(name);
    CHECK(nmse(values, file.read_doubles("grad." + name)) <= tolerance);
  }
}

}  // namespace

TEST_CASE("Blocks of every kind equal PyTorch's") {
  const auto reference = kernels::make_reference_backend(kernels::DType::float64);
  const auto cpu = kernels::make_cpu_backend();
  const auto files = golden_files();
  REQUIRE(files.size() >= 13);
  for (const auto& path : files) {
    for (const int64_t micro_batch : {1, 2}) {
      compare(path, *reference, micro_batch, 1e-24);
      // The goldens keep away from the corners of ReLU6, so float32 flips none.
      compare(path, *cpu, micro_batch, 1e-10);
    }
  }
}

}  // namespace trady
