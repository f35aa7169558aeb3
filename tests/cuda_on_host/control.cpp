#include "cuda_on_host/control.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "handles.h"
#include "memory_map.h"
#include "operations.h"
#include "schedule.h"
#include "tracker.h"

namespace cuda_on_host {
namespace {

struct Schedule {
  Order order = Order::forward;
  std::mt19937_64 random;
};

Schedule& schedule() {
  static Schedule schedule;
  return schedule;
}

}  // namespace

void set_schedule(Order order, uint64_t seed) {
  const std::lock_guard lock(device_mutex());
  load_schedule();
  schedule().order = order;
  schedule().random.seed(seed);
  Operations::instance().seed(seed);
}

void load_schedule() {
  static bool loaded = false;
  if (!std::exchange(loaded, true)) set_schedule_of_environment();
}

void set_schedule_of_environment() {
  const char* variable = std::getenv("CUDA_ON_HOST_SCHEDULE");
  const std::string text = variable ? variable : "forward";
  const std::string name = text.substr(0, text.find(':'));
  const uint64_t seed = name.size() < text.size() ? std::stoull(text.substr(name.size() + 1)) : 0;
  if (name == "forward") {
    set_schedule(Order::forward, seed);
  } else if (name == "reverse") {
    set_schedule(Order::reverse, seed);
  } else if (name == "random") {
    set_schedule(Order::random, seed);
  } else {
    throw std::invalid_argument("[cuda_on_host] CUDA_ON_HOST_SCHEDULE is '" + text +
                                "'; it may be forward, reverse or random, and :SEED after it");
  }
}

void put_in_order(std::vector<uint32_t>& items) {
  Schedule& current = schedule();
  if (current.order == Order::random) {
    // Not std::shuffle, whose result differs between standard libraries.
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[current.random() % i]);
  } else if (!items.empty() &&
             (items.front() < items.back()) != (current.order == Order::forward)) {
    std::reverse(items.begin(), items.end());
  }
}

size_t live_allocations() {
  const std::lock_guard lock(device_mutex());
  return MemoryMap::instance().live_allocations();
}

size_t live_handles() {
  const std::lock_guard lock(device_mutex());
  return count_live_handles();
}

uint64_t checked_accesses() {
  const std::lock_guard lock(device_mutex());
  return access_count;
}

}  // namespace cuda_on_host
