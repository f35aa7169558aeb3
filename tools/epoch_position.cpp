#include "tools/epoch_position.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/strict_json.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

using nlohmann::json;

class Reader {
 public:
  Reader(const json& position, const std::string& origin) : position_(position), origin_(origin) {}

  int64_t count(const char* field) const {
    const json& value = member(field);
    if (!value.is_number_integer() || value < 0 || value.get<double>() > kMost) {
      refuse(field, "a whole number, 0 or more");
    }
    return value.get<int64_t>();
  }
  double number(const char* field) const {
    const json& value = member(field);
    if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(field, "a finite number");
    return value.get<double>();
  }
  [[noreturn]] void refuse(const std::string& field, const std::string& expected) const {
    constexpr size_t kShown = 60;
    fail(origin_, ": the position in the epoch is damaged: ", field, " is ",
         shortened(position_.value(field, json()).dump(), kShown), ", expected ", expected,
         "; remove this file to begin the epoch again");
  }

 private:
  static constexpr double kMost = 9e18;  // within int64_t
  const json& member(const char* field) const {
    if (!position_.contains(field)) refuse(field, "a number");
    return position_.at(field);
  }

  const json& position_;
  const std::string& origin_;
};

}  // namespace

std::string text_of(const EpochPosition& position) {
  const EpochResult& done = position.done;
  return json{{"steps", done.steps},
              {"loss", done.loss},
              {"correct", done.correct},
              {"images", done.images},
              {"step_seconds", done.step_seconds},
              {"input_seconds", done.input_seconds},
              {"forward", position.work.forward},
              {"grad_input", position.work.grad_input},
              {"grad_weight", position.work.grad_weight}}
      .dump();
}

EpochPosition parse_position(const std::string& text, int64_t steps, int64_t batch,
                             const std::string& origin) {
  constexpr int kDeepest = 2;
  const json position = parse_strict_json<json>(text, origin + ": the position", kDeepest);
  if (!position.is_object()) fail(origin, ": the position in the epoch is not a JSON object");
  const Reader reader(position, origin);
  EpochPosition parsed;
  parsed.done.steps = reader.count("steps");
  if (parsed.done.steps > steps) {
    reader.refuse("steps", concat("at most the ", steps, " steps of an epoch"));
  }
  parsed.done.loss = reader.number("loss");
  parsed.done.correct = reader.count("correct");
  parsed.done.images = reader.count("images");
  if (parsed.done.images != parsed.done.steps * batch) {
    reader.refuse("images", concat(parsed.done.steps, " steps of ", batch));
  }
  if (parsed.done.correct > parsed.done.images) reader.refuse("correct", "at most the images");
  parsed.done.step_seconds = reader.number("step_seconds");
  parsed.done.input_seconds = reader.number("input_seconds");
  parsed.work.forward = reader.count("forward");
  parsed.work.grad_input = reader.count("grad_input");
  parsed.work.grad_weight = reader.count("grad_weight");
  return parsed;
}

}  // namespace trady::tools
