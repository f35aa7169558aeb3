// JSON text of a file that nobody vouches for: refused where nlohmann's parser would be lenient.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/error.h"

namespace trady {

/// Error, begun with `origin`, on what is not JSON, on repeated keys, which the parser would let
/// pass, and on values within values more than `deepest` deep: copying one takes stack for every
/// level, and a file must not decide how much.
template <typename Json>
Json parse_strict_json(const std::string& text, const std::string& origin, int deepest) {
  using Event = typename Json::parse_event_t;
  std::vector<std::set<std::string>> keys_by_depth;
  const auto watch = [&](int depth, Event event, Json& value) {
    if (depth > deepest) {
      fail(origin, " has values within values, more than ", deepest, " deep");
    }
    if (event == Event::object_start) keys_by_depth.emplace_back();
    if (event == Event::object_end) keys_by_depth.pop_back();
    if (event == Event::key &&
        !keys_by_depth.back().insert(value.template get<std::string>()).second) {
      fail(origin, " the key ", value.dump(), " occurs twice");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const typename Json::exception& error) {
    fail(origin, " is not valid JSON: ", error.what());
  }
}

}  // namespace trady
