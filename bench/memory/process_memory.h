// What the operating system says of this process, and cases in processes of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

namespace trady::bench {

/// Resident bytes now.
int64_t resident_bytes();

/// The most resident bytes so far: VmHWM.
int64_t peak_resident_bytes();

/// Runs `measure` in a child process, which no other case has left memory to, and returns what it
/// returned. Error with its message if it threw. Only while this process has one thread.
nlohmann::json in_own_process(const std::function<nlohmann::json()>& measure);

}  // namespace trady::bench
