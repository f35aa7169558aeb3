#include "operations.h"

#include <algorithm>
#include <utility>

#include "order.h"
#include "tracker.h"

namespace cuda_on_host {
namespace {

uint32_t at(const Clock& clock, uint32_t chain) {
  return chain < clock.size() ? clock[chain] : 0;
}

void join(Clock& clock, const Clock& other) {
  if (clock.size() < other.size()) clock.resize(other.size());
  for (size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

}  // namespace

std::recursive_mutex& device_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

Operations& Operations::instance() {
  static Operations operations;
  return operations;
}

uint32_t Operations::new_chain() {
  if (!free_chains_.empty()) {
    const uint32_t chain = free_chains_.back();
    free_chains_.pop_back();
    return chain;
  }
  last_index_.push_back(0);
  return static_cast<uint32_t>(last_index_.size() - 1);
}

OperationPtr Operations::enqueue(std::string name, uint32_t chain,
                                 const std::vector<OperationPtr>& after,
                                 std::function<void()> run) {
  auto operation = std::make_shared<Operation>();
  operation->name = std::move(name);
  operation->run = std::move(run);
  operation->chain = chain;
  operation->clock = host_clock_;
  for (const OperationPtr& before : after) {
    join(operation->clock, before->clock);
    if (before->done) continue;
    before->followers.push_back(operation);
    ++operation->waits_for;
  }
  if (operation->clock.size() <= chain) operation->clock.resize(chain + 1);
  operation->clock[chain] = ++last_index_[chain];
  ++pending_;
  if (operation->waits_for == 0) ready_.push_back(operation);
  return operation;
}

void Operations::execute(const OperationPtr& operation) {
  operation->first_segment = ++now.segment;
  now.first_of_operation = now.first_of_block = now.segment;
  executed_.push_back(operation);
  current_ = operation.get();
  try {
    if (operation->run) operation->run();
  } catch (...) {
    current_ = nullptr;
    ready_.push_back(operation);
    drop_pending();
    throw;
  }
  current_ = nullptr;
  operation->end_segment = now.segment + 1;
  operation->done = true;
  operation->run = nullptr;
  --pending_;
  for (const OperationPtr& follower : std::exchange(operation->followers, {})) {
    if (--follower->waits_for == 0) ready_.push_back(follower);
  }
}

void Operations::run_one() {
  if (ready_.empty()) return;
  const size_t chosen = random_() % ready_.size();
  std::swap(ready_[chosen], ready_.back());
  const OperationPtr operation = std::move(ready_.back());
  ready_.pop_back();
  execute(operation);
}

void Operations::wait(const std::vector<OperationPtr>& operations) {
  for (const OperationPtr& operation : operations) {
    while (!operation->done) run_one();
    join(host_clock_, operation->clock);
  }
  forget_if_idle();
}

void Operations::wait_for_all() {
  while (!ready_.empty()) run_one();
  for (const OperationPtr& operation : executed_) join(host_clock_, operation->clock);
  forget_if_idle();
}

void Operations::host_saw(const Operation& operation) {
  join(host_clock_, operation.clock);
  forget_if_idle();
}

void Operations::forget_if_idle() {
  if (pending_ != 0) return;
  for (uint32_t chain = 0; chain < last_index_.size(); ++chain) {
    if (last_index_[chain] != 0 && at(host_clock_, chain) < last_index_[chain]) return;
  }
  forget();
}

void Operations::forget() {
  now.oldest = now.segment + 1;
  executed_.clear();
  forget_reader_sets();
  free_chains_.insert(free_chains_.end(), retired_chains_.begin(), retired_chains_.end());
  retired_chains_.clear();
}

void Operations::drop_pending() {
  // Followers are reached from what is ready; whoever waits for a dropped one finds it done.
  std::vector<OperationPtr> dropped = std::exchange(ready_, {});
  while (!dropped.empty()) {
    const OperationPtr operation = std::move(dropped.back());
    dropped.pop_back();
    if (std::exchange(operation->done, true)) continue;
    operation->run = nullptr;
    for (OperationPtr& follower : std::exchange(operation->followers, {})) {
      dropped.push_back(std::move(follower));
    }
  }
  pending_ = 0;
  for (uint32_t chain = 0; chain < last_index_.size(); ++chain) {
    if (host_clock_.size() <= chain) host_clock_.resize(chain + 1);
    host_clock_[chain] = last_index_[chain];
  }
  forget();
}

const Operation* Operations::of_segment(uint32_t segment) const {
  const auto after = std::upper_bound(executed_.begin(), executed_.end(), segment,
                                      [](uint32_t value, const OperationPtr& operation) {
                                        return value < operation->first_segment;
                                      });
  return after == executed_.begin() ? nullptr : std::prev(after)->get();
}

}  // namespace cuda_on_host
