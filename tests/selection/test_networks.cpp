// The networks of models/ have the convs that docs/method.md section 7 lists: both come from the
// same tables, read and built separately.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "models/registry.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;

namespace {

void check_convs(const std::string& name, bool mix, int image_size, const NetworkTable& expected) {
  INFO(name << (mix ? " with mix" : "") << " at " << image_size);
  NetworkOptions options;
  options.image_size = image_size;
  options.mix = mix;
  const Network built = models::build(name, options);
  const std::vector<ConvLayer>& convs = built.tape.convs();
  const std::vector<ConvLayer> table = convs_of(expected, image_size);
  REQUIRE(convs.size() == table.size());
  for (size_t i = 0; i < convs.size(); ++i) {
    INFO("conv " << i << ", " << convs[i].name);
    CHECK(convs[i].index == static_cast<int>(i));
    CHECK(convs[i].shape == table[i].shape);
  }
}

}  // namespace

TEST_CASE("the networks' convs are those of the tables") {
  for (const int image_size : {32, 97, 128, 160}) {
    check_convs("mbv2-w0.35", false, image_size, mbv2());
    check_convs("mbv2-w0.35", true, image_size, mbv2(true));
    check_convs("mcunet-5fps", false, image_size, mcunet());
    check_convs("proxyless-w0.3", false, image_size, proxyless());
    check_convs("proxyless-w0.3", true, image_size, proxyless(true));
  }
}
