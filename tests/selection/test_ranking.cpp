// Ranking files are read strictly; rankings are made as docs/method.md section 1 says.
#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

#include "engine/error.h"
#include "selection/ranking.h"
#include "tests/selection/temporary_file.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

const std::string kValid = R"({
  "network": "toy", "image_size": 32, "conv_count": 3, "k": 2, "source": "a test", "command": "c",
  "descending_rgn": [2, 0, 1], "cumulative_percent": [60, 97.5, 100], "rgn": [3, 0.2, 5],
  "settings": {"seed": "0"}
})";

/// kValid with one part replaced.
std::string with(const std::string& part, const std::string& replacement) {
  std::string text = kValid;
  const size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), replacement);
}

void refuses(const std::string& json, const std::string& why) {
  INFO(json);
  CHECK_THROWS_WITH(parse_ranking(json, "pool.json"), Contains("[pool.json]") && Contains(why));
}

}  // namespace

TEST_CASE("a ranking file is read, written and read again") {
  const Ranking ranking = parse_ranking(kValid, "pool.json");
  CHECK(ranking.network == "toy");
  CHECK(ranking.image_size == 32);
  CHECK(ranking.conv_count == 3);
  CHECK(ranking.k == 2);
  CHECK(ranking.source == "a test");
  CHECK(ranking.command == "c");
  CHECK(ranking.descending_rgn == std::vector<int>{2, 0, 1});
  CHECK(ranking.cumulative_percent == std::vector<double>{60, 97.5, 100});
  CHECK(ranking.rgn == std::vector<double>{3, 0.2, 5});
  CHECK(ranking.settings.at("seed") == "0");
  CHECK(parse_ranking(ranking_to_json(ranking), "again") == ranking);

  const TemporaryFile file("replaced");
  write_ranking(file.path(), ranking);
  CHECK(read_ranking(file.path()) == ranking);
}

TEST_CASE("rgn and settings may be left out, and layers may be left unranked") {
  const Ranking ranking = parse_ranking(
      R"({"network": "toy", "image_size": 32, "conv_count": 9, "k": 1, "source": "", "command": "",
          "descending_rgn": [7, 8], "cumulative_percent": [60, 100]})",
      "pool.json");
  CHECK(ranking.rgn.empty());
  CHECK(ranking.settings.empty());
  CHECK(parse_ranking(ranking_to_json(ranking), "again") == ranking);
}

TEST_CASE("a path that is not UTF-8 does not stop a ranking from being written") {
  const std::vector<double> rgn{1, 2};
  Ranking ranking = make_ranking("net", 32, rgn);
  ranking.source = "a test";
  ranking.command = "trady rank --data caf\xe9";
  const Ranking again = parse_ranking(ranking_to_json(ranking), "again");
  CHECK(again.command == "trady rank --data caf\xef\xbf\xbd");
}

TEST_CASE("broken ranking files are refused by name and reason") {
  refuses("", "not valid JSON");
  refuses("{", "not valid JSON");
  refuses(kValid + "x", "not valid JSON");
  refuses(kValid.substr(0, kValid.size() / 2), "not valid JSON");
  refuses("[1, 2]", "one JSON object");
  refuses("{}", "lacks the key \"network\"");
  refuses(with("\"k\": 2,", ""), "lacks the key \"k\"");
  refuses(with("\"k\": 2,", "\"k\": 2, \"k\": 1,"), "\"k\" occurs twice");
  refuses(with("{\"seed\": \"0\"}", "{\"seed\": \"0\", \"seed\": \"1\"}"), "\"seed\" occurs twice");
  refuses(with("\"rgn\"", "\"rng\""), "unknown key \"rng\", did you mean \"rgn\"?");
  refuses(with("\"toy\"", "7"), "network must be a text");
  refuses(with("{\"seed\": \"0\"}", "{\"seed\": 0}"), "settings must be an object of texts");
  refuses(with("{\"seed\": \"0\"}", "[]"), "settings must be an object of texts");
}

TEST_CASE("ranking files with wrong numbers are refused") {
  refuses(with("[2, 0, 1]", "[]"), "descending_rgn is empty");
  refuses(with("[2, 0, 1]", "[2, 0, 2]"), "lists conv 2 twice");
  refuses(with("[2, 0, 1]", "[2, 0, 3]"), "lists conv 3, but conv_count is 3");
  refuses(with("[2, 0, 1]", "[2, 0, -1]"), "lists conv -1");
  refuses(with("[2, 0, 1]", "[2, 0, 1.5]"), "whole numbers");
  refuses(with("[2, 0, 1]", "[2, 0, \"1\"]"), "whole numbers");
  refuses(with("[2, 0, 1]", "[2, 0, 18446744073709551615]"), "too large");
  refuses(with("[2, 0, 1]", "{}"), "must be a list");
  refuses(with("[2, 0, 1]", "[0, 2, 1]"), "not in the order of the values in rgn");
  refuses(with("\"k\": 2", "\"k\": 0"), "k must be at least 1");
  refuses(with("\"k\": 2", "\"k\": 4"), "k is 4");
  refuses(with("\"conv_count\": 3", "\"conv_count\": -3"), "conv_count must be at least 1");
  refuses(with("\"image_size\": 32", "\"image_size\": 0"), "image_size must be at least 1");
  refuses(with("[60, 97.5, 100]", "[60, 100]"), "cumulative_percent has 2 values");
  refuses(with("[60, 97.5, 100]", "[60, 50, 100]"), "must rise");
  refuses(with("[60, 97.5, 100]", "[0, 50, 100]"), "must rise");
  refuses(with("[60, 97.5, 100]", "[60, 97, 99]"), "to 100");
  refuses(with("[60, 97.5, 100]", "[60, null, 100]"), "a list of numbers");
  refuses(with("[3, 0.2, 5]", "[3, 0.2]"), "rgn has 2 values");
}

TEST_CASE("files that cannot be read or written are named") {
  CHECK_THROWS_WITH(read_ranking("/nowhere/pool.json"),
                    Contains("/nowhere/pool.json") && Contains("trady rank"));
  CHECK_THROWS_WITH(read_ranking("/"), Contains("[/]"));
  CHECK_THROWS_WITH(write_ranking("/nowhere/pool.json", parse_ranking(kValid, "pool.json")),
                    Contains("/nowhere"));
}

TEST_CASE("every built-in ranking is valid and named like its network") {
  const std::vector<std::string> names = builtin_ranking_names();
  CHECK(std::ranges::find(names, "mbv2-w0.35") != names.end());
  for (const std::string& name : names) {
    const Ranking* ranking = builtin_ranking(name);
    REQUIRE(ranking != nullptr);
    CHECK(ranking->network == name);
    CHECK(!ranking->source.empty());
    if (published_pool_size(name) != 0) CHECK(ranking->k == published_pool_size(name));
  }
  CHECK(builtin_ranking("toy") == nullptr);
  CHECK(published_pool_size("toy") == 0);
}

TEST_CASE("rankings of the ResNets for CIFAR ship, with the pool that 97 % of the RGN gives") {
  struct Shipped {
    const char* network;
    int convs, k;
  };
  for (const Shipped& shipped : {Shipped{"resnet20", 19, 17}, Shipped{"resnet56", 55, 47}}) {
    const Ranking* ranking = builtin_ranking(shipped.network);
    REQUIRE(ranking != nullptr);
    CHECK(ranking->conv_count == shipped.convs);
    CHECK(ranking->k == shipped.k);
    CHECK(convs_reaching(ranking->cumulative_percent, 97) == shipped.k);
  }
}

TEST_CASE("the published ranking of mbv2-w0.35") {
  const Ranking& ranking = *builtin_ranking("mbv2-w0.35");
  CHECK(ranking.conv_count == 52);
  CHECK(ranking.descending_rgn.size() == 52);
  CHECK(ranking.k == 35);
  CHECK(ranking.descending_rgn.front() == 43);
  CHECK(ranking.descending_rgn[21] == 51);  // the mix conv
  CHECK(ranking.cumulative_percent[34] == Approx(97.92));
  CHECK(convs_reaching(ranking.cumulative_percent, 97) == 33);
}

TEST_CASE("a ranking is made from layer RGN") {
  const std::vector<double> rgn{1, 4, 0, 4, 1};
  const Ranking ranking = make_ranking("toy", 64, rgn);
  CHECK(ranking.descending_rgn == std::vector<int>{1, 3, 0, 4, 2});  // equals: lower index first
  CHECK(ranking.cumulative_percent == std::vector<double>{40, 80, 90, 100, 100});
  CHECK(ranking.k == 4);  // the first that reaches 97 %
  CHECK(ranking.conv_count == 5);
  CHECK(ranking.image_size == 64);
  CHECK(parse_ranking(ranking_to_json(ranking), "again") == ranking);
  CHECK(make_ranking("mcunet-5fps", 128, std::vector<double>(42, 1.0)).k == 27);
}

TEST_CASE("a ranking of diverged or missing training is refused") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {infinity, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    const std::vector<double> rgn{1, wrong};
    CHECK_THROWS_WITH(make_ranking("toy", 64, rgn), Contains("conv 1"));
  }
  const std::vector<double> zero{0, 0};
  CHECK_THROWS_WITH(make_ranking("toy", 64, zero), Contains("every gradient is zero"));
}
