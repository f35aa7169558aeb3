// Where an interrupted epoch stands, as text: every bit comes back, and damage is refused.
#include "tools/epoch_position.h"

#include <catch2/catch.hpp>

#include "engine/error.h"

using namespace trady;
using namespace trady::tools;
using Catch::Contains;

namespace {

EpochPosition position() {
  EpochPosition position;
  position.done.loss = 1.0 / 3;
  position.done.correct = 17;
  position.done.images = 96;
  position.done.steps = 3;
  position.done.step_seconds = 0.1;
  position.done.input_seconds = 1e-9;
  position.work = {1234567890123, 5, 7};
  return position;
}

}  // namespace

TEST_CASE("a position is read back to the last bit") {
  const EpochPosition saved = position();
  const EpochPosition read = parse_position(text_of(saved), 3, 32, "file");
  CHECK(read.done.loss == saved.done.loss);
  CHECK(read.done.correct == saved.done.correct);
  CHECK(read.done.images == saved.done.images);
  CHECK(read.done.steps == saved.done.steps);
  CHECK(read.done.step_seconds == saved.done.step_seconds);
  CHECK(read.done.input_seconds == saved.done.input_seconds);
  CHECK(read.work == saved.work);
}

TEST_CASE("a damaged position is refused by file and field") {
  const std::string good = text_of(position());
  CHECK_THROWS_WITH(parse_position(good, 2, 32, "file"),
                    Contains("file") && Contains("steps is 3"));
  const auto refused = [&](const std::string& field, const std::string& value) {
    const std::string key = "\"" + field + "\":";
    const size_t begin = good.find(key) + key.size();
    const size_t end = good.find_first_of(",}", begin);
    INFO(field << " = " << value);
    CHECK_THROWS_WITH(
        parse_position(good.substr(0, begin) + value + good.substr(end), 9, 32, "file"),
        Contains("file") && Contains(field));
  };
  refused("steps", "-1");
  refused("steps", "1.5");
  refused("loss", "null");
  refused("correct", "\"many\"");
  refused("images", "[]");
  refused("images", "97");
  refused("correct", "97");
  refused("forward", "1e300");
  CHECK_THROWS_WITH(parse_position("{", 9, 32, "file"), Contains("not valid JSON"));
  CHECK_THROWS_WITH(parse_position("[1]", 9, 32, "file"), Contains("not a JSON object"));
  CHECK_THROWS_WITH(parse_position("{}", 9, 32, "file"), Contains("steps"));
}
