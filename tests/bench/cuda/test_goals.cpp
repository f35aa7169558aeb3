#include <catch2/catch.hpp>

#include "bench/cuda/grad_weight/goals.h"

namespace trady::bench {

namespace {

using kernels::cuda::Precision;

constexpr MachineRates kRates{
    .bytes_per_second = 1e12, .tf32_flops = 1e14, .fp32_flops = 1e13, .empty_node_us = 1};

RowTimes row(double sparsity, int64_t channels, double own_us, double dense_us) {
  RowTimes times{.sparsity = sparsity, .channels = channels, .us = {}, .nmse_to_cudnn = 0};
  times.us[kOwn] = {own_us, own_us, own_us};
  if (dense_us > 0) times.us[kCudnnDense] = {dense_us, dense_us, dense_us};
  return times;
}

/// Its floor is an empty node, 1 us, for any number of channels.
MeasuredLayer layer(const std::string& name, size_t convs, double own_us, double dense_us) {
  return {{name, std::vector<int>(convs), {1, 1, 1, 100, 10, 1, 1, 0, false}, {}},
          {1, {row(0, 100, 2 * own_us, dense_us), row(0.95, 5, own_us, dense_us)}}};
}

}  // namespace

TEST_CASE("the layers that count are those with the most dense time over all their convs") {
  const std::vector<MeasuredLayer> layers = {layer("a", 1, 1, 30), layer("b", 4, 1, 10),
                                             layer("c", 1, 1, 20), layer("d", 1, 1, 10)};
  const auto names = [&](double share) {
    std::string text;
    for (const MeasuredLayer* each : layers_that_make(layers, share)) text += each->layer.name;
    return text;
  };
  CHECK(names(0.3) == "b");  // 40 of 100
  CHECK(names(0.8) == "bac");
  CHECK(names(1) == "bacd");
}

TEST_CASE("a sparsity that leaves as many channels as another is found there") {
  const MeasuredLayer each = layer("a", 1, 1, 30);
  CHECK(row_at(each.run, 0).channels == 100);
  CHECK(row_at(each.run, 0.5).channels == 100);
  CHECK(row_at(each.run, 0.99).channels == 5);
}

TEST_CASE("goals: within the floor, and faster than cuDNN where that takes long enough") {
  const std::vector<MeasuredLayer> layers = {layer("near", 1, 1.4, 30), layer("far", 1, 8, 30),
                                             layer("short", 1, 1.4, 4)};
  const nlohmann::json goals = judge_goals(layers, {0, 0.95}, Precision::tf32, kRates, {});
  const nlohmann::json& floor = goals.at("floor");
  CHECK(floor.at("layers") == std::vector<std::string>{"near", "far"});
  CHECK(floor.at("rows").at(1).at("within") == 1);
  CHECK(floor.at("rows").at(1).at("worst_ratio").get<double>() == Approx(8));
  CHECK(floor.at("rows").at(1).at("worst_layer") == "far");
  const nlohmann::json& speedup = goals.at("speedup");
  CHECK(speedup.at("layers") == 2);
  CHECK(speedup.at("reached") == 1);
  CHECK(speedup.at("smallest").get<double>() == Approx(30.0 / 8));
  CHECK(speedup.at("smallest_layer") == "far");
}

TEST_CASE(
    "goals: without cuDNN our own dense gradient orders the layers, and there is no speedup") {
  const std::vector<MeasuredLayer> layers = {layer("a", 1, 1.2, 0), layer("b", 1, 9, 0)};
  const nlohmann::json goals = judge_goals(layers, {0.95}, Precision::tf32, kRates, {});
  CHECK(goals.at("floor").at("layers") == std::vector<std::string>{"b"});
  CHECK(goals.at("speedup").contains("not_available"));
}

}  // namespace trady::bench
