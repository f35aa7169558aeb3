// Parameters to files and back; files that do not fit say everything that is wrong at once.
#include <unistd.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/checkpoint.h"
#include "engine/error.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / concat("trady-test-checkpoint-", getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const kernels::Backend& device_of(kernels::DType dtype) {
  static const auto float32 = kernels::make_reference_backend(kernels::DType::float32);
  static const auto float64 = kernels::make_reference_backend(kernels::DType::float64);
  return dtype == kernels::DType::float32 ? *float32 : *float64;
}

Parameters random_parameters(kernels::DType dtype, uint64_t seed) {
  const Tape tape = testing::tiny_network();
  Parameters parameters(tape.parameters(), device_of(dtype));
  testing::fill_random(parameters, seed);
  return parameters;
}

/// Tensors by hand, so that a file can be wrong.
struct HandMade {
  std::vector<std::pair<std::string, std::vector<int64_t>>> tensors;
  std::map<std::string, std::vector<float>> values;

  static HandMade of(const Parameters& parameters) {
    HandMade file;
    for (size_t i = 0; i < parameters.specs().size(); ++i) {
      const auto& spec = parameters.specs()[i];
      const auto v = parameters.get(static_cast<ParameterId>(i));
      file.tensors.emplace_back(spec.name, spec.disk_shape);
      file.values[spec.name] = {v.begin(), v.end()};
    }
    return file;
  }
  SafetensorsFile write(const std::filesystem::path& path) const {
    std::vector<SafetensorsTensor> list;
    for (const auto& [name, shape] : tensors) {
      list.push_back({name, shape, std::span<const float>(values.at(name))});
    }
    write_safetensors(path, list, {});
    return SafetensorsFile::open(path);
  }
};

}  // namespace

TEST_CASE("Parameters survive a file bit for bit") {
  const TemporaryFolder folder;
  for (const auto dtype : {kernels::DType::float32, kernels::DType::float64}) {
    const Parameters saved = random_parameters(dtype, 1);
    const auto path = folder.file("weights.safetensors");
    save_parameters(path, {{&saved, ""}}, {{"model", "tiny"}});
    Parameters loaded = random_parameters(dtype, 2);
    const auto file = SafetensorsFile::open(path);
    load_parameters(file, loaded);
    CHECK(testing::values_of(loaded) == testing::values_of(saved));
    CHECK(file.metadata().at("model") == "tiny");
    CHECK(file.entry("a.expand.weight").shape == std::vector<int64_t>{6, 4, 1, 1});
    CHECK(file.entry("a.depthwise.weight").shape == std::vector<int64_t>{6, 1, 3, 3});
    CHECK(file.entry("a.expand.weight").dtype ==
          (dtype == kernels::DType::float32 ? "F32" : "F64"));

    const auto again = folder.file("again.safetensors");
    save_parameters(again, {{&loaded, ""}}, {{"model", "tiny"}});
    CHECK(bytes_of(again) == bytes_of(path));
  }
}

TEST_CASE("Weights lie in the file as [O][I][k][k] and in memory as [O][k][k][I]") {
  const TemporaryFolder folder;
  Parameters parameters = random_parameters(kernels::DType::float32, 1);
  const auto path = folder.file("weights.safetensors");
  save_parameters(path, {{&parameters, ""}}, {});
  const auto on_disk = SafetensorsFile::open(path).read_doubles("first.weight");  // [4, 3, 3, 3]
  const auto* in_memory =
      static_cast<const float*>(parameters.data(parameters.find("first.weight")));
  for (size_t o = 0; o < 4; ++o) {
    for (size_t i = 0; i < 3; ++i) {
      for (size_t tap = 0; tap < 9; ++tap) {
        CHECK(on_disk[(o * 3 + i) * 9 + tap] ==
              static_cast<double>(in_memory[(o * 9 + tap) * 3 + i]));
      }
    }
  }
}

TEST_CASE("Several sets share a file under prefixes") {
  const TemporaryFolder folder;
  const Parameters weights = random_parameters(kernels::DType::float32, 1);
  const Parameters velocity = random_parameters(kernels::DType::float32, 2);
  const auto path = folder.file("state.safetensors");
  save_parameters(path, {{&weights, "weights/"}, {&velocity, "velocity/"}}, {});
  const auto file = SafetensorsFile::open(path);
  Parameters loaded = random_parameters(kernels::DType::float32, 3);
  load_parameters(file, loaded, {}, "velocity/");
  CHECK(testing::values_of(loaded) == testing::values_of(velocity));
  load_parameters(file, loaded, {}, "weights/");
  CHECK(testing::values_of(loaded) == testing::values_of(weights));
  CHECK_THROWS_WITH(load_parameters(file, loaded), Catch::Contains("missing: first.weight") &&
                                                       Catch::Contains("unexpected: 'weights/"));
}

TEST_CASE("Skipped parameters keep their values") {
  const TemporaryFolder folder;
  const Parameters saved = random_parameters(kernels::DType::float32, 1);
  HandMade hand = HandMade::of(saved);
  // Another class count: the head is not read, whatever its shape.
  for (auto& [name, shape] : hand.tensors) {
    if (name == "classifier.weight") shape = {7, 5};
    if (name == "classifier.bias") shape = {7};
  }
  hand.values["classifier.weight"].resize(35);
  hand.values["classifier.bias"].resize(7);
  const auto file = hand.write(folder.file("other.safetensors"));
  Parameters loaded = random_parameters(kernels::DType::float32, 2);
  const auto head = loaded.get(loaded.find("classifier.weight"));
  load_parameters(file, loaded, {"classifier.weight", "classifier.bias"});
  CHECK(loaded.get(loaded.find("classifier.weight")) == head);
  CHECK(loaded.get(0) == saved.get(0));
  CHECK_THROWS_AS(load_parameters(file, loaded), Error);
}

TEST_CASE("Everything that does not fit is listed at once, and nothing is loaded") {
  const TemporaryFolder folder;
  HandMade hand = HandMade::of(random_parameters(kernels::DType::float32, 1));
  for (auto& [name, shape] : hand.tensors) {
    if (name == "first.weight") shape = {4, 3, 9, 1};  // as many values, another shape
    if (name == "a.expand.bias") name = "a.expanded.bias";
    if (name == "b.project.bias") name = "extra";
  }
  hand.values["a.expanded.bias"] = hand.values["a.expand.bias"];
  hand.values["extra"] = hand.values["b.project.bias"];
  const auto file = hand.write(folder.file("wrong.safetensors"));
  Parameters loaded = random_parameters(kernels::DType::float32, 2);
  const auto before = testing::values_of(loaded);
  CHECK_THROWS_WITH(
      load_parameters(file, loaded),
      Catch::Contains("wrong.safetensors") &&
          Catch::Contains("misshapen: first.weight is [4, 3, 9, 1] in the file, the network has "
                          "[4, 3, 3, 3]") &&
          Catch::Contains("missing: a.expand.bias [6]") &&
          Catch::Contains("missing: b.project.bias [5]") &&
          Catch::Contains("unexpected: 'a.expanded.bias' [6]") &&
          Catch::Contains("unexpected: 'extra' [5]"));
  CHECK(testing::values_of(loaded) == before);
}

TEST_CASE("Weights that are not finite are refused by name") {
  const TemporaryFolder folder;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    HandMade hand = HandMade::of(random_parameters(kernels::DType::float32, 1));
    hand.values["b.depthwise.weight"][17] = bad;
    const auto file = hand.write(folder.file("nan.safetensors"));
    Parameters loaded = random_parameters(kernels::DType::float32, 2);
    CHECK_THROWS_WITH(load_parameters(file, loaded),
                      Catch::Contains("b.depthwise.weight") && Catch::Contains("at place 17"));
  }
}

TEST_CASE("Doubles beyond float32 are refused where the parameters are float32") {
  const TemporaryFolder folder;
  Parameters large = random_parameters(kernels::DType::float64, 1);
  std::vector<double> values = large.get(0);
  values[5] = 1e39;
  large.set(0, values);
  const auto path = folder.file("large.safetensors");
  save_parameters(path, {{&large, ""}}, {});
  const auto file = SafetensorsFile::open(path);
  Parameters narrow = random_parameters(kernels::DType::float32, 2);
  CHECK_THROWS_WITH(load_parameters(file, narrow),
                    Catch::Contains("first.weight holds 1e+39 at place 5"));
  Parameters wide = random_parameters(kernels::DType::float64, 2);
  load_parameters(file, wide);
  CHECK(wide.get(0) == values);
}

TEST_CASE("Parameters are found by name and set in whole") {
  Parameters parameters = random_parameters(kernels::DType::float32, 1);
  CHECK(parameters.specs()[static_cast<size_t>(parameters.find("b.project.bias"))].elements == 5);
  CHECK_THROWS_WITH(parameters.find("b.projekt.bias"), Catch::Contains("b.project.bias"));
  CHECK_THROWS_WITH(parameters.set(0, std::vector<double>(3)),
                    Catch::Contains("first.weight has 108 values, got 3"));
}

}  // namespace trady
