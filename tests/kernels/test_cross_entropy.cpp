// Softmax cross-entropy. How to add an op or a device: device_under_test.h.
#include <catch2/catch.hpp>

#include "tests/kernels/device_under_test.h"

namespace trady::testing {
namespace {

struct Result {
  std::vector<double> loss;
  std::vector<int32_t> predicted;
  std::vector<double> dlogits;
};

enum class Dlogits { wanted, unwanted };

Result run(const kernels::Backend& device, const std::vector<double>& logits,
           const std::vector<int32_t>& labels, double scale, Dlogits dlogits = Dlogits::wanted) {
  const auto batch = static_cast<int64_t>(labels.size());
  const Buffer z(device, logits), dz(device, z.elements());
  const DeviceArray<int32_t> y(device, labels), predicted(device, batch);
  const DeviceArray<double> loss(device, batch);
  device.cross_entropy({z.data(), y.data(), dlogits == Dlogits::wanted ? dz.data() : nullptr,
                        loss.data(), predicted.data()},
                       batch, z.elements() / batch, scale);
  return {loss.values(), predicted.values(),
          dlogits == Dlogits::wanted ? dz.values() : std::vector<double>{}};
}

/// The devices, and the reference in float64 itself.
TEST_CASE("cross-entropy: a case worked out by hand", "[cross_entropy]") {
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const auto r = run(*device, {0, 0, 0, 0, 0, std::log(3.0), 0, 0}, {2, 1}, 2);
    CHECK(r.loss[0] == Approx(std::log(4.0)));
    CHECK(r.loss[1] == Approx(std::log(2.0)));
    CHECK(r.predicted == std::vector<int32_t>{0, 1});  // of equals the first
    CHECK(nmse(r.dlogits, {0.5, 0.5, -1.5, 0.5, 1. / 3, -1, 1. / 3, 1. / 3}) < 1e-13);
  }
}

TEST_CASE("cross-entropy: every device against the float64 reference", "[cross_entropy]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const int32_t classes : {1, 2, 5, 10, 102, 1001}) {
      for (const double range : {1.0, 30.0}) {
        INFO(describe(*device) << ", " << classes << " classes, logits up to " << range);
        const auto logits = random_values(3 * classes, 1, -range, range);
        const std::vector<int32_t> labels = {0, classes / 2, classes - 1};
        const auto expected = run(*reference, logits, labels, 1. / 32);
        const auto actual = run(*device, logits, labels, 1. / 32);
        CHECK(nmse(actual.loss, expected.loss) <= kFloat32Nmse);
        CHECK(nmse(actual.dlogits, expected.dlogits) <= kFloat32Nmse);
        CHECK(actual.predicted == expected.predicted);
      }
    }
  }
}

TEST_CASE("cross-entropy: large logits do not overflow", "[cross_entropy]") {
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const auto r = run(*device, {1e4, 1e4, -1e4}, {2}, 1);
    CHECK(r.loss[0] == Approx(2e4 + std::log(2.0)));
    CHECK(nmse(r.dlogits, {0.5, 0.5, -1}) < 1e-13);
  }
}

TEST_CASE("cross-entropy: NaN among the logits is reported, wherever it stands",
          "[cross_entropy]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const auto r =
        run(*device, {nan, 1, 2, 1, nan, 2, 1, 2, nan, nan, nan, nan, 1, 2, 3}, {1, 0, 0, 1, 2}, 1);
    CHECK(r.predicted == std::vector<int32_t>{-1, -1, -1, -1, 2});
    for (int n = 0; n < 4; ++n) CHECK(std::isnan(r.loss[n]));
    CHECK(std::isfinite(r.loss[4]));
  }
}

TEST_CASE("cross-entropy: a sample does not depend on its neighbours", "[cross_entropy]") {
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const auto logits = random_values(2 * 7, 1);
    const auto both = run(*device, logits, {3, 6}, 1);
    const auto second = run(*device, {logits.begin() + 7, logits.end()}, {6}, 1);
    CHECK(second.loss[0] == both.loss[1]);
    CHECK(bit_identical(second.dlogits, {both.dlogits.begin() + 7, both.dlogits.end()}));
  }
}

TEST_CASE("cross-entropy: loss and prediction are the same where no gradient is wanted",
          "[cross_entropy]") {
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const auto logits = random_values(3 * 7, 2);
    const std::vector<int32_t> labels = {0, 3, 6};
    const auto expected = run(*device, logits, labels, 1);
    const auto actual = run(*device, logits, labels, 1, Dlogits::unwanted);
    CHECK(bit_identical(actual.loss, expected.loss));
    CHECK(actual.predicted == expected.predicted);
  }
}

}  // namespace
}  // namespace trady::testing
