// The record of a run: what may differ when it goes on, and damaged ones.
#include "tools/run_record.h"

#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tools/json_output.h"

using namespace trady;
using namespace trady::tools;
using Catch::Contains;
using nlohmann::json;

namespace {

const json kEnvironment{{"build", "g++"}, {"device", "cpu"}, {"isa", "avx2"}, {"threads", 2}};

RunRecord record(const json& settings) {
  return {settings, kEnvironment};
}

}  // namespace

TEST_CASE("a record is read back with its epochs") {
  RunRecord run = record({{"seed", 1}});
  run.add_epoch({{"epoch", 0}});
  const RunRecord again = RunRecord::parse(run.text(), "file");
  CHECK(again.epochs_done() == 1);
  CHECK(again.json() == run.json());
}

TEST_CASE("settings that differ are listed") {
  const RunRecord run = record({{"seed", 1}, {"method", "trady"}});
  CHECK_NOTHROW(run.require_same_settings({{"seed", 1}, {"method", "trady"}}, "out"));
  CHECK_THROWS_WITH(run.require_same_settings({{"seed", 2}, {"method", "full"}}, "out"),
                    Contains("seed: was 1, now 2") && Contains("method: was \"trady\"") &&
                        Contains("another --out"));
  CHECK_THROWS_WITH(run.require_same_settings({{"classes", {5}}}, "out"),
                    Contains("classes: was null"));
}

TEST_CASE("what rounds differently is told when a run goes on elsewhere") {
  RunRecord run = record({});
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
  const RunRecord again = RunRecord::parse(run.text(), "file");
  CHECK_NOTHROW(again.require_same_settings(settings, "out"));
  CHECK_THROWS_WITH(run.require_same_settings({{"data", "th\xe9"}}, "out"), Contains("data: was"));
}

TEST_CASE("damaged records are refused by name") {
  for (const std::string text :
       {"", "[]", "{", R"({"format_version": 2})",
        R"({"format_version": 1, "trady": "1", "settings": {}, "epochs": []})",
        R"({"format_version": 1, "trady": "1", "settings": 3, "environment": {}, "epochs": []})"}) {
    CHECK_THROWS_WITH(RunRecord::parse(text, "run.json"), Contains("run.json: the record"));
  }
}
