#include "tools/record_format.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/error.h"
#include "tools/json_output.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

using nlohmann::json;

constexpr double kLargestExact = 9007199254740992.0;  // 2^53: whole numbers a double holds

/// What a field must be, in words and as a test.
struct Kind {
  const char* words;
  std::function<bool(const json&)> holds;
};

bool is_whole(const json& value, double least) {
  return value.is_number_integer() && value.get<double>() >= least &&
         value.get<double>() <= kLargestExact;
}

const Kind kText{"a text", [](const json& v) { return v.is_string(); }};
const Kind kObject{"an object", [](const json& v) { return v.is_object(); }};
const Kind kList{"a list", [](const json& v) { return v.is_array(); }};
const Kind kNumber{"a finite number",
                   [](const json& v) { return v.is_number() && std::isfinite(v.get<double>()); }};
const Kind kShare{"a number from 0 to 1", [](const json& v) {
                    return v.is_number() && v.get<double>() >= 0 && v.get<double>() <= 1;
                  }};
const Kind kCount{"a whole number, 0 or more", [](const json& v) { return is_whole(v, 0); }};
const Kind kIndex{"an index of a convolution",
                  [](const json& v) { return is_whole(v, 0) && v.get<double>() < 1e6; }};
// All of uint64_t, which no double holds: a run with such a seed is resumed like any other.
const Kind kSeed{"a whole number, 0 or more",
                 [](const json& v) { return v.is_number_unsigned() || is_whole(v, 0); }};
const Kind kPositive{"a whole number, 1 or more", [](const json& v) { return is_whole(v, 1); }};
const Kind kTextOrNull{"a text or null",
                       [](const json& v) { return v.is_string() || v.is_null(); }};
const Kind kNumberOrNull{"a number or null",
                         [](const json& v) { return v.is_number() || v.is_null(); }};

template <typename Holds>
bool is_list_of(const json& value, Holds holds) {
  return value.is_array() && std::ranges::all_of(value, holds);
}
const Kind kLabels{"a list of labels, whole numbers of 0 or more", [](const json& v) {
                     return is_list_of(v, [](const json& label) {
                       return is_whole(label, 0) && label <= std::numeric_limits<int32_t>::max();
                     });
                   }};
const Kind kTexts{"a list of texts", [](const json& v) { return is_list_of(v, kText.holds); }};
const Kind kNumbers{"a list of finite numbers",
                    [](const json& v) { return is_list_of(v, kNumber.holds); }};
const Kind kChannels{"\"all\" or a list of whole numbers, 0 or more",
                     [](const json& v) { return v == "all" || is_list_of(v, kCount.holds); }};

class Checker {
 public:
  Checker(const json& record, const RecordOrigin& origin) : record_(record), origin_(origin) {}

  const json& require(const std::string& pointer, const Kind& kind) const {
    const json::json_pointer field(pointer);
    if (!record_.contains(field)) fail_at(concat(pointer, " is missing"));
    const json& value = record_.at(field);
    require_kind(pointer, value, kind);
    return value;
  }

  /// Of every member of an object, whatever its name: it may hold what a pointer cannot.
  void require_members(const std::string& pointer, const Kind& kind) const {
    for (const auto& [name, value] : require(pointer, kObject).items()) {
      require_kind(concat(pointer, "/", shortened(name, kShown)), value, kind);
    }
  }

  void require_if_present(const std::string& pointer, const Kind& kind) const {
    if (record_.contains(json::json_pointer(pointer))) require(pointer, kind);
  }

  /// Accuracy on each split; null where there is no such split.
  void require_evaluations(const std::string& pointer) const {
    for (const char* split : {"/val", "/test"}) {
      const json::json_pointer field(pointer + split);
      if (!record_.contains(field) || record_.at(field).is_null()) continue;
      require(pointer + split, kObject);
      require(pointer + split + "/accuracy", kShare);
    }
  }

  void require_epoch(size_t index) const {
    const std::string epoch = concat("/epochs/", index);
    require(epoch, kObject);
    const Kind number_of_epoch{"the epoch's place in the list",
                               [=](const json& v) { return v == index; }};
    require(epoch + "/epoch", number_of_epoch);
    require(epoch + "/steps", kPositive);
    for (const char* field : {"/loss", "/step_seconds", "/grad_weight_saved"}) {
      require(epoch + field, kNumber);
    }
    require(epoch + "/train_accuracy", kShare);
    for (const char* field :
         {"/budget_used_elements", "/memory/reserved_bytes", "/saved_for_backward_bytes/inputs",
          "/saved_for_backward_bytes/masks"}) {
      require(epoch + field, kCount);
    }
    require_members(epoch + "/memory/peak_bytes", kCount);
    require_evaluations(epoch);
  }

  void require_selection(const std::string& selection) const {
    const size_t layers = require(selection, kList).size();
    for (size_t i = 0; i < layers; ++i) {
      const std::string layer = concat(selection, "/", i);
      require(layer, kObject);
      require(layer + "/conv", kIndex);
      require(layer + "/name", kText);
      require(layer + "/elements", kCount);
      require(layer + "/channels", kChannels);
    }
  }

  /// As tools/step_timeline.h writes it.
  void require_step_memory(const std::string& memory) const {
    require(memory, kObject);
    require(memory + "/ops", kTexts);
    require_members(memory + "/bytes", kNumbers);
  }

  [[noreturn]] void fail_at(const std::string& problem) const {
    fail(origin_.file, ": the record of the run is damaged: ", problem, "; ", origin_.remedy);
  }

 private:
  static constexpr size_t kShown = 60;

  void require_kind(const std::string& place, const json& value, const Kind& kind) const {
    if (kind.holds(value)) return;
    fail_at(concat(place, " is ", shortened(json_text(value), kShown), ", expected ", kind.words));
  }

  const json& record_;
  const RecordOrigin& origin_;
};

}  // namespace

void require_valid_record(const json& record, const RecordOrigin& origin) {
  const Checker checker(record, origin);
  if (!record.is_object()) checker.fail_at("it is not a JSON object");
  const Kind format{"\"trady run\"", [](const json& v) { return v == "trady run"; }};
  checker.require("/format", format);
  const json& version = checker.require("/format_version", kPositive);
  if (version.get<int64_t>() > kRecordFormatVersion) {
    fail(origin.file, ": the record has format version ", version.get<int64_t>(),
         ", this version reads ", kRecordFormatVersion, "; use a newer trady");
  }
  checker.require("/trady", kText);
  checker.require("/environment", kObject);
  checker.require("/environment/micro_batch", kPositive);
  checker.require("/settings", kObject);
  for (const char* field :
       {"/settings/method", "/settings/model", "/settings/data", "/settings/weights"}) {
    checker.require(field, kText);
  }
  for (const char* field : {"/settings/epochs", "/settings/warmup"}) {
    checker.require(field, kCount);
  }
  checker.require("/settings/seed", kSeed);
  checker.require("/settings/batch", kPositive);
  checker.require("/settings/budget", kTextOrNull);
  checker.require("/settings/learning_rate", kNumberOrNull);
  checker.require_if_present("/budget_elements", kCount);
  checker.require_if_present("/options", kObject);
  checker.require_if_present("/before", kObject);
  checker.require_if_present("/resumed", kList);
  checker.require_if_present("/inputs", kObject);
  const int64_t asked =
      record["settings"]["epochs"].get<int64_t>() + record["settings"]["warmup"].get<int64_t>();
  const Kind epochs_asked{
      "a list of at most as many epochs as the settings ask for",
      [=](const json& v) { return v.is_array() && static_cast<int64_t>(v.size()) <= asked; }};
  const size_t epochs = checker.require("/epochs", epochs_asked).size();
  for (size_t i = 0; i < epochs; ++i) checker.require_epoch(i);
  if (epochs > 0) {
    checker.require("/before", kObject);
    checker.require_evaluations("/before");
  }
}

void require_reportable_record(const json& record, const RecordOrigin& origin) {
  const Checker checker(record, origin);
  checker.require_if_present("/settings/recipe", kText);
  checker.require_if_present("/settings/val_split", kNumberOrNull);
  checker.require_if_present("/settings/classes", kLabels);
  checker.require("/network", kObject);
  checker.require("/network/model", kText);
  checker.require("/network/image_size", kPositive);
  checker.require("/network/classes", kPositive);
  if (record.contains("step_memory")) checker.require_step_memory("/step_memory");
  for (size_t i = 0; i < record.at("epochs").size(); ++i) {
    checker.require_selection(concat("/epochs/", i, "/selection"));
  }
}

}  // namespace trady::tools
