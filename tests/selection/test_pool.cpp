#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/error.h"
#include "selection/pool.h"
#include "tests/selection/temporary_file.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

/// Five ranked convs, the last of them the mix conv, which ranks first.
const std::string kToy = R"({"network": "toy", "image_size": 32, "conv_count": 5, "k": 3,
  "source": "", "command": "", "descending_rgn": [4, 2, 0, 3, 1],
  "cumulative_percent": [50, 75, 90, 97, 100]})";

size_t mbv2_pool_size(const std::string& pool, int conv_count) {
  return resolve_pool(parse_pool(pool), "mbv2-w0.35", conv_count).convs.size();
}

}  // namespace

TEST_CASE("a pool is read as a number of layers, a share, a file or all") {
  CHECK(parse_pool("35").kind == PoolSpec::Kind::first_k);
  CHECK(parse_pool("35").k == 35);
  CHECK(parse_pool("97%").kind == PoolSpec::Kind::share);
  CHECK(parse_pool("97.5%").percent == 97.5);
  CHECK(parse_pool("all").kind == PoolSpec::Kind::all);
  const TemporaryFile file(kToy);
  CHECK(parse_pool(file.path()).kind == PoolSpec::Kind::file);
  for (const char* text : {"", "0", "-3", "35.5", "0%", "101%", "-1%", "x%", "%", "nan%", "inf",
                           "99999999999", "no-such-file.json"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_pool(text), Contains("--pool") && Contains("97%") && Contains("all"));
  }
}

TEST_CASE("the published pool takes the first K and drops the mix conv") {
  const Pool pool = resolve_pool({}, "mbv2-w0.35", 51);
  CHECK(pool.convs.size() == 34);
  CHECK(pool.convs.front() == 13);
  CHECK(std::ranges::is_sorted(pool.convs));
  CHECK(std::ranges::find(pool.convs, 51) == pool.convs.end());
  CHECK(pool.cumulative_percent == Approx(97.92));
  CHECK_THAT(pool.description, Contains("first 35 of 52") && Contains("34 of them"));

  const Pool with_mix = resolve_pool({}, "mbv2-w0.35", 52);
  CHECK(with_mix.convs.size() == 35);
  CHECK(with_mix.convs.back() == 51);

  CHECK(mbv2_pool_size("35", 51) == 34);
  CHECK(mbv2_pool_size("21", 51) == 21);  // the mix conv ranks 22nd
  CHECK(mbv2_pool_size("97%", 52) == 33);
  CHECK(mbv2_pool_size("97%", 51) == 32);
  CHECK(mbv2_pool_size("13%", 51) == 1);
  CHECK(mbv2_pool_size("100%", 51) == 50);  // conv 0 adds nothing to 100.0
  CHECK(mbv2_pool_size("52", 51) == 51);
  CHECK(mbv2_pool_size("all", 51) == 51);
  CHECK_THROWS_WITH(mbv2_pool_size("53", 51), Contains("53 layers") && Contains("lists 52"));
}

TEST_CASE("a pool file brings its own K") {
  const TemporaryFile file(kToy);
  const PoolSpec spec = parse_pool(file.path());
  CHECK(resolve_pool(spec, "toy", 5).convs == std::vector<int>{0, 2, 4});
  CHECK(resolve_pool(spec, "toy", 4).convs == std::vector<int>{0, 2});
}

TEST_CASE("a ranking of another network is refused") {
  const TemporaryFile file(kToy);
  const PoolSpec spec = parse_pool(file.path());
  CHECK_THROWS_WITH(resolve_pool(spec, "mcunet-5fps", 5),
                    Contains(file.path()) && Contains("\"toy\"") && Contains("trady rank"));
  CHECK_THROWS_WITH(resolve_pool(spec, "toy", 6), Contains("5 convs") && Contains("has 6"));
  CHECK_THROWS_WITH(resolve_pool(spec, "toy", 3), Contains("has 3"));
}

TEST_CASE("a pool of which nothing is left is an error") {
  const TemporaryFile file(R"({"network": "toy", "image_size": 32, "conv_count": 5, "k": 1,
    "source": "", "command": "", "descending_rgn": [4], "cumulative_percent": [100]})");
  CHECK_THROWS_WITH(resolve_pool(parse_pool(file.path()), "toy", 4),
                    Contains("not in this network"));
}

TEST_CASE("a model without a ranking never falls back to other layers") {
  for (const char* text : {"5", "97%"}) {
    CHECK_THROWS_WITH(resolve_pool(parse_pool(text), "resnet-18", 20),
                      Contains("\"resnet-18\"") && Contains("trady rank"));
  }
  CHECK_THROWS_WITH(resolve_pool({}, "mbv2-w0.53", 51), Contains("did you mean \"mbv2-w0.35\"?"));
  CHECK(resolve_pool(parse_pool("all"), "resnet-18", 20).convs.size() == 20);
}
