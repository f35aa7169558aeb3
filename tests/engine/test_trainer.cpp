// Epochs of training: divergence is noticed however short they are.
#include "engine/trainer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using Catch::Matchers::Contains;

constexpr int64_t kBatch = 4;

class Blank : public Dataset {
 public:
  explicit Blank(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index % 3); }
  Image load(int64_t) const override { return Image(9, 9); }
  std::string sample_name(int64_t index) const override { return concat("blank ", index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 0; }

 private:
  int64_t size_;
  std::vector<std::string> class_names_{"a", "b", "c"};
};

/// A network whose loss is that of guessing, or `offset` / 3 on average for a classifier that is
/// sure of one class; the learning rate is 0.
struct Training {
  Training(double offset, int64_t steps_per_epoch)
      : parameters(tape.parameters(), *device),
        runner(tape, *device, parameters, {}, {kBatch, 2, true, {}}, 1) {
    set_offset(offset);
    LoaderOptions options;
    options.transform = {9, Recipe::none};
    options.batch_size = kBatch;
    loader = std::make_unique<Loader>(
        std::make_shared<DecodedCache>(std::make_shared<Blank>(kBatch * steps_per_epoch),
                                       std::make_shared<CacheBudget>(0)),
        options);
  }
  void set_offset(double offset) {
    parameters.set(parameters.find("classifier.bias"), std::vector<double>{offset, 0, 0});
  }
  EpochResult epoch(int index) {
    runner.select(UpdatePlan::head_only(tape.convs().size()));
    return train_epoch(runner, *loader, {0, 0, 1000}, index, nullptr);
  }

  const Tape tape = testing::tiny_network();
  const std::unique_ptr<kernels::Backend> device =
      kernels::make_reference_backend(kernels::DType::float64);
  Parameters parameters;
  StepRunner runner;
  std::unique_ptr<Loader> loader;
};

}  // namespace

TEST_CASE("A loss far above chance stops the run after five steps, over epochs of any length") {
  for (const int64_t steps_per_epoch : {1, 2, 3}) {
    Training training(1000, steps_per_epoch);
    int epoch = 0;
    std::string message;
    while (message.empty() && epoch < 10) {
      try {
        training.epoch(epoch);
        ++epoch;
      } catch (const Error& error) {
        message = error.what();
      }
    }
    INFO(steps_per_epoch << " steps an epoch");
    CHECK(epoch == 4 / steps_per_epoch);
    CHECK_THAT(message,
               Contains(concat("diverged in epoch ", epoch + 1)) && Contains("smaller --lr"));
  }
}

TEST_CASE("A loss that comes back, or is of guessing, does not stop the run") {
  Training training(0, 2);
  for (int epoch = 0; epoch < 4; ++epoch) {
    CHECK(training.epoch(epoch).loss == Approx(std::log(3)));
  }
  for (int epoch = 0; epoch < 4; ++epoch) {
    training.set_offset(epoch % 2 == 0 ? 1000 : 0);
    CHECK_NOTHROW(training.epoch(epoch));
  }
}

TEST_CASE("A loss that is not finite stops the run at once") {
  Training training(std::nan(""), 3);
  CHECK_THROWS_WITH(training.epoch(0), Contains("diverged in epoch 1, step 1"));
}

TEST_CASE("What an epoch's last steps did is seen before it is saved") {
  Training training(0, 1);
  const auto check = [&](const EpochLosses& losses) {
    require_no_divergence(2, losses, training.parameters, 3);
  };
  const double limit = high_loss(3), infinity = std::numeric_limits<double>::infinity();
  CHECK(limit == Approx(20 * std::log(3)));
  CHECK_NOTHROW(check({1.0, {}, {}}));
  CHECK_NOTHROW(check({limit, limit, limit}));

  CHECK_THROWS_WITH(check({2 * limit, {}, {}}), Contains("diverged in epoch 3") &&
                                                    Contains("training loss") &&
                                                    Contains("smaller --lr"));
  CHECK_THROWS_WITH(check({1, infinity, {}}), Contains("validation loss is inf"));
  CHECK_THROWS_WITH(check({1, 2 * limit, 1}), Contains("validation loss"));
  CHECK_THROWS_WITH(check({1, {}, std::nan("")}), Contains("test loss is nan"));

  for (const double value : {std::nan(""), infinity, -infinity, -1e30}) {
    training.set_offset(value);
    CHECK_THROWS_WITH(check({1, 1, 1}), Contains("classifier.bias") && Contains("another --out"));
  }
}

}  // namespace trady
