// The file of --config, as text; what the command line makes of it is in test_cli_runs.py.
#include "tools/config_file.h"

#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tests/tools/config_keys.h"

using namespace trady;
using namespace trady::tools;
using Catch::Contains;
using nlohmann::json;

namespace {

const std::vector<ConfigKey>& kKeys = testing::config_keys();

std::vector<std::string> values_of(const std::string& name, const json& value) {
  const Config config = parse_config(json{{name, value}}.dump(), "file", kKeys);
  if (config.given.empty()) return {};
  CHECK(config.given.front().name == name);
  return config.given.front().values;
}

using Values = std::vector<std::string>;

}  // namespace

TEST_CASE("values become words of the command line and the same values again") {
  CHECK(values_of("budget", 27946) == Values{"27946"});
  CHECK(values_of("budget", "2%") == Values{"2%"});
  CHECK(values_of("seed", uint64_t{18446744073709551615U}) == Values{"18446744073709551615"});
  CHECK(values_of("lr", 0.1) == Values{"0.1"});
  CHECK(values_of("mix", true) == Values{"true"});
  CHECK(values_of("mix", false).empty());
  CHECK(values_of("calibrate-bn", true) == Values{"256"});
  CHECK(values_of("calibrate-bn", 16) == Values{"16"});
  CHECK(values_of("classes", {5, 6}) == Values{"5", "6"});
  CHECK(config_value({"lr", ConfigKind::number}, {".5"}) == 0.5);
  CHECK(config_value({"lr", ConfigKind::number}, {"0.1"}).get<double>() == 0.1);
  CHECK(config_value({"classes", ConfigKind::wholes}, {"5", "6"}) == json{5, 6});
}

TEST_CASE("what a config may not hold is refused by file and key") {
  const auto refused = [](const std::string& text, const std::string& what) {
    INFO(text);
    CHECK_THROWS_WITH(parse_config(text, "file", kKeys), Contains("file") && Contains(what));
  };
  refused(R"({"epoch": 1})", R"("epoch" is no option that a file may hold, did you mean "epochs")");
  refused(R"({"epochs": true})", R"("epochs" is true, expected a whole number)");
  refused(R"({"epochs": 12345678901234567890123})", "expected a whole number");
  refused(R"({"data": ""})", "a text that is not empty");
  refused(R"({"classes": []})", "a list of whole numbers that is not empty");
  refused(R"({"lr": 0.1, "lr": 0.1})", "occurs twice");
  refused(R"({"lr": Infinity})", "not valid JSON");
}

TEST_CASE("records from before options were kept are read by their settings") {
  json record{{"format", "trady run"},
              {"format_version", 1},
              {"trady", "0.1.0"},
              {"environment", {{"micro_batch", 4}, {"memory_limit", nullptr}, {"threads", 2}}},
              {"settings",
               {{"method", "trady"},
                {"model", "resnet20"},
                {"data", "d"},
                {"weights", ""},
                {"epochs", 0},
                {"warmup", 1},
                {"seed", 0},
                {"batch", 8},
                {"budget", nullptr},
                {"learning_rate", 0.25},
                {"mix", false},
                {"calibrate_bn", 0},
                {"classes", json::array()}}},
              {"epochs", json::array()}};
  const Config old = parse_config(record.dump(), "run.json", kKeys);
  CHECK(old.given == std::vector<ConfigOption>{{"batch", {"8"}},
                                               {"data", {"d"}},
                                               {"epochs", {"0"}},
                                               {"lr", {"0.25"}},
                                               {"method", {"trady"}},
                                               {"model", {"resnet20"}},
                                               {"seed", {"0"}},
                                               {"warmup", {"1"}}});
  CHECK(old.chosen == std::vector<ConfigOption>{{"lr", {"0.25"}}, {"micro-batch", {"4"}}});
  record["options"] = {{"data", "given"}};
  CHECK(parse_config(record.dump(), "run.json", kKeys).given ==
        std::vector<ConfigOption>{{"data", {"given"}}});
  record["options"] = {{"dta", "given"}};
  CHECK_THROWS_WITH(parse_config(record.dump(), "run.json", kKeys),
                    Contains("run.json, options") && Contains("did you mean \"data\""));
}
