// Cases in processes of their own, whose memory is theirs alone.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

namespace trady::bench {

/// Runs `measure` in a child process, which no other case has left memory to, and returns what it
/// returned. Error with its message if it threw. Only while this process has one thread.
nlohmann::json in_own_process(const std::function<nlohmann::json()>& measure);

}  // namespace trady::bench
