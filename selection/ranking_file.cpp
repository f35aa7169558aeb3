// The JSON side of selection/ranking.h.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/atomic_file.h"
#include "engine/data/input_file.h"
#include "engine/error.h"
#include "engine/strict_json.h"
#include "engine/suggest.h"
#include "selection/ranking.h"

namespace trady {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys{
      "network", "image_size",     "conv_count",         "k",   "source",
      "command", "descending_rgn", "cumulative_percent", "rgn", "settings"};
  return keys;
}

/// Reads the members of the top object, naming file and key in every error.
class Reader {
 public:
  Reader(const Json& json, const std::string& origin) : json_(json), origin_(origin) {
    if (!json.is_object()) fail("[", origin, "] a ranking file is one JSON object");
    for (const auto& [key, value] : json.items()) {
      if (std::ranges::find(known_keys(), key) == known_keys().end()) {
        fail("[", origin, "] unknown key \"", key, "\"", suggestion(key, known_keys()),
             " Known: ", join(known_keys()));
      }
    }
  }

  std::string text(const std::string& key) const {
    const Json& value = member(key);
    if (!value.is_string()) fail_type(key, "a text");
    return value.get<std::string>();
  }

  int count(const std::string& key) const {
    const int value = integer(member(key), key);
    if (value < 1) fail("[", origin_, "] ", key, " must be at least 1, got ", value);
    return value;
  }

  std::vector<int> integers(const std::string& key) const {
    std::vector<int> values;
    for (const Json& item : array(key)) values.push_back(integer(item, key));
    return values;
  }

  std::vector<double> numbers(const std::string& key) const {
    std::vector<double> values;
    for (const Json& item : array(key)) {
      if (!item.is_number()) fail_type(key, "a list of numbers");
      values.push_back(item.get<double>());
    }
    return values;
  }

  std::map<std::string, std::string> texts(const std::string& key) const {
    std::map<std::string, std::string> values;
    const Json& object = member(key);
    if (!object.is_object()) fail_type(key, "an object of texts");
    for (const auto& [name, value] : object.items()) {
      if (!value.is_string()) fail_type(key, "an object of texts");
      values.emplace(name, value.get<std::string>());
    }
    return values;
  }

  bool has(const std::string& key) const { return json_.contains(key); }

 private:
  const Json& member(const std::string& key) const {
    if (!has(key)) fail("[", origin_, "] lacks the key \"", key, "\"");
    return json_.at(key);
  }

  const Json& array(const std::string& key) const {
    const Json& value = member(key);
    if (!value.is_array()) fail_type(key, "a list");
    return value;
  }

  int integer(const Json& value, const std::string& key) const {
    constexpr int64_t kLargest = 1 << 20;  // above any number of convs or pixels
    if (!value.is_number_integer()) fail_type(key, "made of whole numbers");
    const auto number = value.get<double>();  // of unsigned 64-bit values too
    if (std::abs(number) > kLargest) fail("[", origin_, "] ", key, ": ", number, " is too large");
    return static_cast<int>(number);
  }

  [[noreturn]] void fail_type(const std::string& key, const char* expected) const {
    fail("[", origin_, "] ", key, " must be ", expected);
  }

  const Json& json_;
  const std::string& origin_;
};

void validate_order(const Ranking& ranking, const std::string& origin) {
  if (ranking.descending_rgn.empty()) fail("[", origin, "] descending_rgn is empty");
  std::set<int> seen;
  for (const int conv : ranking.descending_rgn) {
    if (conv < 0 || conv >= ranking.conv_count) {
      fail("[", origin, "] descending_rgn lists conv ", conv, ", but conv_count is ",
           ranking.conv_count, " (indices count from 0)");
    }
    if (!seen.insert(conv).second)
      fail("[", origin, "] descending_rgn lists conv ", conv, " twice");
  }
  if (ranking.k > static_cast<int>(seen.size())) {
    fail("[", origin, "] k is ", ranking.k, ", but descending_rgn lists ", seen.size(), " convs");
  }
}

void validate_shares(const Ranking& ranking, const std::string& origin) {
  const std::vector<double>& shares = ranking.cumulative_percent;
  if (shares.size() != ranking.descending_rgn.size()) {
    fail("[", origin, "] cumulative_percent has ", shares.size(), " values, descending_rgn ",
         ranking.descending_rgn.size());
  }
  constexpr double kRounding = 0.01;  // published shares have two decimals
  const bool rises = std::ranges::is_sorted(shares) && shares.front() > 0;
  if (!rises || std::abs(shares.back() - 100) > kRounding) {
    fail("[", origin, "] cumulative_percent must rise from above 0 to 100");
  }
}

void validate_rgn(const Ranking& ranking, const std::string& origin) {
  if (ranking.rgn.empty()) return;
  if (ranking.rgn.size() != static_cast<size_t>(ranking.conv_count)) {
    fail("[", origin, "] rgn has ", ranking.rgn.size(), " values, conv_count is ",
         ranking.conv_count);
  }
  const auto by_rank = [&](int conv) { return ranking.rgn[conv]; };
  if (!std::ranges::is_sorted(ranking.descending_rgn, std::ranges::greater{}, by_rank)) {
    fail("[", origin, "] descending_rgn is not in the order of the values in rgn");
  }
}

/// Commands and paths in them may be in any encoding; a file must be UTF-8.
std::string utf8_text(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

Ranking parse_ranking(const std::string& json, const std::string& origin) {
  constexpr int kDeepest = 8;
  const auto parsed = parse_strict_json<Json>(json, concat("[", origin, "]"), kDeepest);
  const Reader reader(parsed, origin);
  Ranking ranking;
  ranking.network = reader.text("network");
  ranking.image_size = reader.count("image_size");
  ranking.conv_count = reader.count("conv_count");
  ranking.k = reader.count("k");
  ranking.source = reader.text("source");
  ranking.command = reader.text("command");
  ranking.descending_rgn = reader.integers("descending_rgn");
  ranking.cumulative_percent = reader.numbers("cumulative_percent");
  if (reader.has("rgn")) ranking.rgn = reader.numbers("rgn");
  if (reader.has("settings")) ranking.settings = reader.texts("settings");
  validate_order(ranking, origin);
  validate_shares(ranking, origin);
  validate_rgn(ranking, origin);
  return ranking;
}

Ranking read_ranking(const std::string& path) {
  constexpr int64_t kLargest = int64_t{64} << 20;  // far above any network's
  std::vector<uint8_t> bytes;
  try {
    bytes = read_whole_file(path, kLargest);
  } catch (const Error& error) {
    fail("[", path, "] cannot be read as a ranking file (", error.what(),
         "); make one with `trady rank`");
  }
  return parse_ranking(std::string(bytes.begin(), bytes.end()), path);
}

std::string ranking_to_json(const Ranking& ranking) {
  Json json;
  json["network"] = ranking.network;
  json["image_size"] = ranking.image_size;
  json["conv_count"] = ranking.conv_count;
  json["k"] = ranking.k;
  json["source"] = ranking.source;
  json["command"] = ranking.command;
  json["descending_rgn"] = ranking.descending_rgn;
  json["cumulative_percent"] = ranking.cumulative_percent;
  if (!ranking.rgn.empty()) json["rgn"] = ranking.rgn;
  if (!ranking.settings.empty()) json["settings"] = ranking.settings;
  // One member a line: short to read, and a changed order shows in a diff.
  std::string text = "{\n";
  for (const auto& [key, value] : json.items()) {
    text += (text.size() > 2 ? ",\n" : "") + std::string("  ") + Json(key).dump() + ": " +
            utf8_text(value);
  }
  return text + "\n}\n";
}

void write_ranking(const std::string& path, const Ranking& ranking) {
  write_file_atomically(path, ranking_to_json(ranking));
}

}  // namespace trady
