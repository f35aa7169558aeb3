// The choice between implementations, without a GPU: a pure function of measurements.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "kernels/cuda/pass_choice.h"

namespace trady::testing {
namespace {

using Catch::Contains;
using kernels::ConvShape;
using kernels::SliceKind;
using kernels::cuda::ConvPass;
using kernels::cuda::Implementation;
using kernels::cuda::PassChoice;
using kernels::cuda::PassQuery;
using kernels::cuda::PassTimes;
using kernels::cuda::Precision;
using kernels::cuda::read_pass_choice;

constexpr ConvShape kLayer{32, 16, 16, 96, 24, 1, 1, 0, false};

ConvShape with_batch(int64_t batch) {
  ConvShape shape = kLayer;
  shape.batch = batch;
  return shape;
}

PassQuery forward(int64_t batch = 32) {
  return {ConvPass::forward, Precision::tf32, with_batch(batch), SliceKind::input_channels, 0};
}

PassQuery grad_weight(int64_t count, int64_t batch = 32) {
  return {ConvPass::grad_weight, Precision::tf32, with_batch(batch), SliceKind::input_channels,
          count};
}

Implementation choice_of(double own_us, std::optional<double> cublas_us,
                         std::optional<double> cudnn_us) {
  return PassChoice({{forward(), own_us, cublas_us, cudnn_us}}).choose(forward());
}

TEST_CASE("pass choice: another one has to be faster by more than 5 %", "[pass_choice]") {
  CHECK(choice_of(10, {}, {}) == Implementation::own);
  CHECK(choice_of(10, 10, 10) == Implementation::own);
  CHECK(choice_of(10.5, 10, {}) == Implementation::own);
  CHECK(choice_of(10.51, 10, {}) == Implementation::cublas);
  CHECK(choice_of(10.51, {}, 10) == Implementation::cudnn);
  CHECK(choice_of(9, 10, 11) == Implementation::own);
}

TEST_CASE("pass choice: the fastest of two, cuBLAS where they are equal", "[pass_choice]") {
  CHECK(choice_of(20, 10, 9.9) == Implementation::cudnn);
  CHECK(choice_of(20, 9.9, 10) == Implementation::cublas);
  CHECK(choice_of(20, 10, 10) == Implementation::cublas);
}

TEST_CASE("pass choice: ours for what has not been measured", "[pass_choice]") {
  CHECK(PassChoice().choose(forward()) == Implementation::own);
  const PassChoice choice({{forward(), 20, 10, {}}});
  CHECK(choice.choose(forward()) == Implementation::cublas);

  PassQuery other = forward();
  other.shape.out_c = 25;
  CHECK(choice.choose(other) == Implementation::own);
  other = forward();
  other.precision = Precision::fp32;
  CHECK(choice.choose(other) == Implementation::own);
  other = forward();
  other.pass = ConvPass::grad_input;
  CHECK(choice.choose(other) == Implementation::own);
  CHECK(choice.choose(grad_weight(5)) == Implementation::own);
}

TEST_CASE("pass choice: the nearest batch, at most a factor of two away", "[pass_choice]") {
  const PassChoice choice({{forward(128), 10, {}, 5}, {forward(32), 20, 10, {}}});
  CHECK(choice.choose(forward(32)) == Implementation::cublas);
  CHECK(choice.choose(forward(16)) == Implementation::cublas);
  CHECK(choice.choose(forward(15)) == Implementation::own);
  CHECK(choice.choose(forward(63)) == Implementation::cublas);
  CHECK(choice.choose(forward(64)) == Implementation::cublas);  // equally near: the smaller
  CHECK(choice.choose(forward(65)) == Implementation::cudnn);
  CHECK(choice.choose(forward(256)) == Implementation::cudnn);
  CHECK(choice.choose(forward(257)) == Implementation::own);
}

TEST_CASE("pass choice: grad_weight by the nearest count of channels of its kind",
          "[pass_choice]") {
  const PassChoice choice({{grad_weight(4), 10, 20, {}}, {grad_weight(96), 30, {}, 10}});
  CHECK(choice.choose(grad_weight(4)) == Implementation::own);
  CHECK(choice.choose(grad_weight(96)) == Implementation::cudnn);
  CHECK(choice.choose(grad_weight(48)) == Implementation::cudnn);
  CHECK(choice.choose(grad_weight(47)) == Implementation::own);
  CHECK(choice.choose(grad_weight(0)) == Implementation::own);
  CHECK(choice.choose(grad_weight(96, 64)) == Implementation::cudnn);
  PassQuery outputs = grad_weight(24);
  outputs.kind = SliceKind::output_channels;
  CHECK(choice.choose(outputs) == Implementation::own);
}

TEST_CASE("pass choice: which libraries are needed at all", "[pass_choice]") {
  const PassChoice choice({{forward(), 20, 10, 15}, {forward(128), 10, {}, 9.9}});
  CHECK(choice.ever_chooses(Implementation::own));
  CHECK(choice.ever_chooses(Implementation::cublas));
  CHECK_FALSE(choice.ever_chooses(Implementation::cudnn));
  CHECK_FALSE(PassChoice().ever_chooses(Implementation::cublas));
}

const std::string kShape = R"("shape": {"batch": 32, "in_h": 16, "in_w": 16, "in_c": 96,
    "out_c": 24, "kernel": 1, "stride": 1, "padding": 0, "depthwise": false})";

std::string file_with(const std::string& entries) {
  return R"({"gpu": {"name": "NVIDIA H100", "architecture": "sm_90"}, "commit": "unread",
             "passes": [)" +
         entries + "]}";
}

std::string forward_entry(const std::string& times) {
  return R"({"pass": "forward", "precision": "tf32", )" + kShape + ", " + times + "}";
}

TEST_CASE("pass choice: read from files, for one architecture", "[pass_choice]") {
  const std::string json =
      file_with(forward_entry(R"("own_us": 12, "cublas_us": 10, "cudnn_us": null)") +
                R"(, {"pass": "grad_weight", "precision": "tf32", "slices": "input_channels",
                      "channels": 5, "own_us": 12, "cudnn_us": 10, )" +
                kShape + "}");
  const PassChoice choice = read_pass_choice({{"h100.json", json}}, "sm_90");
  CHECK(choice.choose(forward()) == Implementation::cublas);
  CHECK(choice.choose(grad_weight(5)) == Implementation::cudnn);
  CHECK(choice.choose(grad_weight(96)) == Implementation::own);
  CHECK(read_pass_choice({{"h100.json", json}}, "sm_80").choose(forward()) == Implementation::own);
  CHECK(read_pass_choice({}, "sm_90").choose(forward()) == Implementation::own);
}

TEST_CASE("pass choice: what is wrong in a file is named, whichever GPU it is of",
          "[pass_choice]") {
  const auto read = [](const std::string& json) {
    return read_pass_choice({{"a.json", json}}, "sm_80");
  };
  CHECK_THROWS_WITH(read("{"), Contains("a.json: "));
  CHECK_THROWS_WITH(read("{}"), Contains("a.json: ") && Contains("gpu"));
  const std::string good = forward_entry(R"("own_us": 12)");
  CHECK_NOTHROW(read(file_with(good)));
  CHECK_THROWS_WITH(read(file_with(good + "," + forward_entry(R"("cublas_us": 1)"))),
                    Contains("a.json, passes[1]: ") && Contains("own_us"));
  CHECK_THROWS_WITH(read(file_with(forward_entry(R"("own_us": 0)"))), Contains("own_us is 0"));
  CHECK_THROWS_WITH(read(file_with(forward_entry(R"("own_us": 1, "cudnn_us": -2)"))),
                    Contains("cudnn_us is -2"));
  CHECK_THROWS_WITH(read(file_with(R"({"pass": "backward"})")),
                    Contains("\"backward\"") && Contains("grad_input"));
  CHECK_THROWS_WITH(read(file_with(R"({"pass": "forward", "precision": "tf32", "own_us": 1})")),
                    Contains("shape"));
  CHECK_THROWS_WITH(read(file_with(R"({"pass": "grad_weight", "precision": "fp32",
      "slices": "input_channels", "channels": 97, "own_us": 1, )" +
                                   kShape + "}")),
                    Contains("passes[0]: ") && Contains("97"));
}

TEST_CASE("pass choice: the measurements that are built in can be read", "[pass_choice]") {
  CHECK_NOTHROW(read_pass_choice(kernels::cuda::embedded_measurements(), "sm_90"));
}

}  // namespace
}  // namespace trady::testing
