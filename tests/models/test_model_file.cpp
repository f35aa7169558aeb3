// What weights say of themselves, written and read again; damaged statements.
#include "models/model_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "engine/checkpoint.h"
#include "models/registry.h"

using namespace trady;
using Catch::Contains;

namespace {

struct WeightsFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("trady-model-file-" + std::to_string(getpid()) + ".safetensors");
  ~WeightsFile() { std::filesystem::remove(path); }
};

NetworkOptions small_options() {
  NetworkOptions options;
  options.image_size = 32;
  options.classes = 2;
  return options;
}

/// The file of a network whose metadata `change` has altered, as `describe` reads it.
template <typename Change>
models::ModelFile described_after(const NetworkOptions& options, const Change& change) {
  const WeightsFile file;
  const Network network = models::build("mbv2-w0.35", options);
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  const Parameters parameters(network.tape.parameters(), *device);
  auto metadata = models::metadata_of(network, {"ant", "bee"});
  change(metadata);
  save_parameters(file.path, {{&parameters, ""}}, metadata);
  return models::describe(SafetensorsFile::open(file.path));
}

models::ModelFile described_with(const std::string& key, const std::string& value) {
  return described_after(small_options(), [&](auto& metadata) { metadata[key] = value; });
}

}  // namespace

TEST_CASE("what is written of a network is read back bit for bit") {
  NetworkOptions options = small_options();
  options.normalization.mean = {0.1 + 0.2, 1.0 / 3, -1e-9};
  options.normalization.std = {0.229, 2.0 / 3, 12345.678901234567};
  const models::ModelFile described = described_after(options, [](auto&) {});
  CHECK(described.model == "mbv2-w0.35");
  CHECK(described.options.image_size == 32);
  CHECK(described.options.classes == 2);
  CHECK(described.options.normalization.mean == options.normalization.mean);
  CHECK(described.options.normalization.std == options.normalization.std);
  CHECK(described.class_names == std::vector<std::string>{"ant", "bee"});
}

TEST_CASE("normalization is three numbers and nothing else") {
  CHECK(described_with("mean", "0.1, 0.2 ,0.3").options.normalization.mean ==
        std::array<double, 3>{0.1, 0.2, 0.3});
  for (const std::string bad :
       {"0.5,0.5,0.5x", "0.5,0.5,0.5,0.5", "0.5,0.5", "0.5,,0.5", "0.5;0.5;0.5", "", "nan,0,0"}) {
    CHECK_THROWS_WITH(described_with("mean", bad), Contains("'mean' is '" + bad + "'"));
    CHECK_THROWS_WITH(described_with("std", bad), Contains("'std'"));
  }
  CHECK_THROWS_WITH(described_with("std", "1,0,1"), Contains("above 0"));
}

TEST_CASE("image sizes out of range and class names that do not fit are refused") {
  for (const std::string bad : {"0", "-1", "5000", "2000000000", "32px", ""}) {
    CHECK_THROWS_WITH(described_with("image_size", bad), Contains("'image_size' is '" + bad));
  }
  CHECK_THROWS_WITH(described_with("class_names", R"(["ant"])"), Contains("1 class names"));
  CHECK_THROWS_WITH(described_with("class_names", "ant"), Contains("JSON list"));
}

TEST_CASE("an option that a network lacks and an unknown name are refused") {
  NetworkOptions options = small_options();
  options.mix = true;
  CHECK_THROWS_WITH(models::build("mcunet-5fps", options), Contains("no mix convolution"));
  CHECK_THROWS_WITH(models::build("mbv2-w0.53", options), Contains("did you mean \"mbv2-w0.35\""));
}
