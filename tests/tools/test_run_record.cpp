// The record of a run: what may differ when it goes on, and damaged ones.
#include "tools/run_record.h"

#include <catch2/catch.hpp>
#include <limits>

#include "engine/error.h"
#include "tools/json_output.h"
#include "tools/record_format.h"

using namespace trady;
using namespace trady::tools;
using Catch::Contains;
using nlohmann::json;

namespace {

const json kEnvironment{
    {"build", "g++"}, {"device", "cpu"}, {"isa", "avx2"}, {"threads", 2}, {"micro_batch", 4}};

/// Everything that a record's settings must say, changed by `changes`.
json settings_with(const json& changes) {
  json settings{{"method", "trady"}, {"model", "mbv2-w0.35"}, {"data", "flowers"}, {"weights", "w"},
                {"epochs", 15},      {"warmup", 5},           {"seed", 0},         {"batch", 32},
                {"budget", "2%"},    {"learning_rate", 0.03}};
  settings.update(changes);
  return settings;
}

RunRecord record(const json& changes) {
  return {settings_with(changes), kEnvironment};
}

json epoch_result(int epoch) {
  return {{"epoch", epoch},
          {"loss", 1.5},
          {"train_accuracy", 0.5},
          {"steps", 3},
          {"step_seconds", 0.25},
          {"budget_used_elements", 100},
          {"grad_weight_saved", 0.9},
          {"memory", {{"reserved_bytes", 4096}, {"peak_bytes", {{"weights", 1024}}}}},
          {"saved_for_backward_bytes", {{"inputs", 10}, {"masks", 1}}},
          {"val", nullptr},
          {"test", {{"accuracy", 0.25}}}};
}

/// The record of a run with one epoch.
json finished() {
  RunRecord run = record(json::object());
  run["before"] = {{"val", nullptr}, {"test", {{"accuracy", 0.1}}}};
  run.add_epoch(epoch_result(0));
  return run.json();
}

}  // namespace

TEST_CASE("a record is read back with its epochs") {
  const json run = finished();
  const RunRecord again = RunRecord::parse(run.dump(), {"file", "remedy"});
  CHECK(again.epochs_done() == 1);
  CHECK(again.json() == run);
  CHECK(RunRecord::parse(record(json::object()).text(), {"file", "remedy"}).epochs_done() == 0);
}

TEST_CASE("settings that differ are listed") {
  const RunRecord run = record({{"seed", 1}, {"method", "trady"}});
  CHECK_NOTHROW(run.require_same_settings(settings_with({{"seed", 1}}), "out"));
  CHECK_THROWS_WITH(run.require_same_settings({{"seed", 2}, {"method", "full"}}, "out"),
                    Contains("seed: was 1, now 2") && Contains("method: was \"trady\"") &&
                        Contains("another --out"));
  CHECK_THROWS_WITH(run.require_same_settings({{"classes", {5}}}, "out"),
                    Contains("classes: was null"));
}

TEST_CASE("inputs that have changed are listed, lists by the first place that differs") {
  RunRecord run = record(json::object());
  const json inputs{{"class_names", {"ant", "bee"}}, {"training_images", 16}};
  run["inputs"] = inputs;
  CHECK_NOTHROW(run.require_same_inputs(inputs, "out"));
  CHECK_NOTHROW(run.require_same_inputs({{"training_images", 16}}, "out"));
  json changed = inputs;
  changed["class_names"][1] = "cow";
  CHECK_THROWS_WITH(run.require_same_inputs(changed, "out"),
                    Contains("out: ") && Contains("class_names[1]: was \"bee\", now \"cow\"") &&
                        !Contains("training_images"));
  changed["class_names"].push_back("dog");
  CHECK_THROWS_WITH(run.require_same_inputs(changed, "out"),
                    Contains("class_names: was a list of 2, now a list of 3"));
  CHECK_THROWS_WITH(record(json::object()).require_same_inputs(inputs, "out"),
                    Contains("training_images: was null, now 16"));
}

TEST_CASE("what rounds differently is told when a run goes on elsewhere") {
  RunRecord run = record(json::object());
  json elsewhere = kEnvironment;
  elsewhere["threads"] = 8;
  CHECK(run.resume_in(elsewhere).empty());
  elsewhere["isa"] = "avx512";
  elsewhere["build"] = "clang";
  CHECK_THAT(run.resume_in(elsewhere), Contains("isa: was \"avx2\", now \"avx512\"") &&
                                           Contains("build: was \"g++\"") && !Contains("threads"));
  run["trady"] = "0.0.1";
  CHECK_THAT(run.resume_in(kEnvironment), Contains("trady: was \"0.0.1\""));
  CHECK(run.json()["resumed"].size() == 3);
  CHECK(run.json()["resumed"][1]["environment"] == elsewhere);
}

TEST_CASE("a path that is not UTF-8 stops neither the record nor resuming") {
  const json settings = with_valid_text({{"data", "caf\xe9"}});
  RunRecord run = record({{"data", "caf\xe9"}});
  const RunRecord again = RunRecord::parse(run.text(), {"file", "remedy"});
  CHECK_NOTHROW(again.require_same_settings(settings, "out"));
  CHECK_THROWS_WITH(run.require_same_settings({{"data", "th\xe9"}}, "out"), Contains("data: was"));
}

TEST_CASE("damaged records are refused by name") {
  for (const std::string text : {"", "[]", "{", "3", R"({"format_version": 1})"}) {
    CHECK_THROWS_WITH(RunRecord::parse(text, {"run.json", "remedy"}),
                      Contains("run.json: the record") && Contains("damaged"));
  }
}

TEST_CASE("a record of a newer version is told apart from a damaged one") {
  json run = finished();
  run["format_version"] = 2;
  run.erase("settings");
  CHECK_THROWS_WITH(RunRecord::parse(run.dump(), {"run.json", "remedy"}),
                    Contains("run.json") && Contains("newer trady") && !Contains("damaged"));
}

TEST_CASE("every seed there is can be resumed with") {
  const json seed = std::numeric_limits<uint64_t>::max();
  json run = finished();
  run["settings"]["seed"] = seed;
  CHECK(RunRecord::parse(run.dump(), {"run.json", "remedy"}).json()["settings"]["seed"] == seed);
}

TEST_CASE("every field that is read later is checked") {
  const auto refused = [](const std::string& pointer, const json& value) {
    json run = finished();
    run[json::json_pointer(pointer)] = value;
    INFO(pointer << " = " << value);
    CHECK_THROWS_WITH(RunRecord::parse(run.dump(), {"run.json", "remedy"}),
                      Contains("run.json") && Contains(pointer + " is "));
  };
  refused("/format", "trady eval");
  refused("/format_version", "1");
  refused("/trady", 1);
  refused("/settings", 3);
  refused("/settings/method", nullptr);
  refused("/settings/epochs", -1);
  refused("/settings/budget", 3);
  refused("/environment", json::array());
  refused("/environment/micro_batch", "x");
  refused("/environment/micro_batch", 0);
  refused("/before", 1);
  refused("/before/test/accuracy", "good");
  refused("/budget_elements", 1e300);
  refused("/options", json::array());
  refused("/resumed", json::object());
  refused("/epochs", json::object());
  refused("/epochs/0", 1);
  refused("/epochs/0/epoch", 1);
  refused("/epochs/0/steps", 0);
  refused("/epochs/0/loss", nullptr);
  refused("/epochs/0/train_accuracy", 7);
  refused("/epochs/0/budget_used_elements", 1.5);
  refused("/epochs/0/memory/reserved_bytes", uint64_t{1} << 63U);
  refused("/epochs/0/memory/peak_bytes", 1);
  refused("/epochs/0/memory/peak_bytes/weights", "many");
  refused("/epochs/0/saved_for_backward_bytes/inputs", nullptr);
  refused("/epochs/0/val", json::array());
  refused("/epochs/0/test/accuracy", nullptr);
  for (const json& empty : {json::object(), json::array()}) {
    json run = finished();
    run["epochs"] = json::array({empty});
    CHECK_THROWS_WITH(RunRecord::parse(run.dump(), {"run.json", "remedy"}), Contains("/epochs/0"));
  }
  json run = finished();
  run.erase("environment");
  CHECK_THROWS_WITH(RunRecord::parse(run.dump(), {"run.json", "remedy"}),
                    Contains("/environment is missing"));
  run = finished();
  run.erase("before");
  CHECK_THROWS_WITH(RunRecord::parse(run.dump(), {"run.json", "remedy"}),
                    Contains("/before is missing"));
}

TEST_CASE("what a report reads beyond that is checked before it is drawn") {
  json good = finished();
  good["network"] = {{"model", "resnet20"}, {"image_size", 32}, {"classes", 2}};
  good["step_memory"] = {{"ops", {"forward"}}, {"bytes", {{"masks", {1, 2}}}}};
  good["epochs"][0]["selection"] = json::array(
      {{{"conv", 3}, {"name", "layer"}, {"elements", 100}, {"channels", json::array({7, 8})}}});
  CHECK_NOTHROW(require_reportable_record(good, {"run.json", "remedy"}));
  const auto refused = [&](const std::string& pointer, const json& value) {
    json run = good;
    run[json::json_pointer(pointer)] = value;
    INFO(pointer << " = " << value);
    CHECK_THROWS_WITH(require_reportable_record(run, {"run.json", "remedy"}),
                      Contains("run.json") && Contains(pointer + " is ") && Contains("expected"));
  };
  refused("/settings/recipe", 5);
  refused("/settings/val_split", "half");
  refused("/settings/classes", json::array({1, "b"}));
  refused("/settings/classes", json::array({int64_t{1} << 40}));
  refused("/network", 1);
  refused("/network/model", nullptr);
  refused("/network/image_size", 0);
  refused("/step_memory", json::array());
  refused("/step_memory/ops", json::array({1}));
  refused("/step_memory/bytes/masks", json::array({"x"}));
  refused("/epochs/0/selection", json::object());
  refused("/epochs/0/selection/0", 3);
  refused("/epochs/0/selection/0/conv", -1);
  refused("/epochs/0/selection/0/name", 3);
  refused("/epochs/0/selection/0/elements", "many");
  refused("/epochs/0/selection/0/channels", "some");
  good.erase("network");
  CHECK_THROWS_WITH(require_reportable_record(good, {"run.json", "remedy"}),
                    Contains("/network is missing"));
}
