// What streams hold: kernels, copies and event records, the order between them, and their execution
// in any order that this permits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace cuda_on_host {

/// Held by every call of the runtime, so that host threads may share the device.
std::recursive_mutex& device_mutex();

/// How far each chain of operations has come: a vector clock.
using Clock = std::vector<uint32_t>;

struct Operation {
  std::string name;
  std::function<void()> run;  ///< may be empty
  uint32_t chain = 0;         ///< operations of one chain follow one another
  Clock clock;                ///< what precedes it, and itself at [chain]
  std::vector<std::shared_ptr<Operation>> followers;
  size_t waits_for = 0;  ///< operations that are not done
  bool done = false;
  uint32_t first_segment = 0, end_segment = 0;  ///< of its accesses
};
using OperationPtr = std::shared_ptr<Operation>;

class Operations {
 public:
  static Operations& instance();

  uint32_t new_chain();
  /// The chain may serve again once nothing that ran on it matters.
  void retire_chain(uint32_t chain) { retired_chains_.push_back(chain); }

  /// To be run after all of `after`; and after everything that the host has waited for.
  OperationPtr enqueue(std::string name, uint32_t chain, const std::vector<OperationPtr>& after,
                       std::function<void()> run);
  /// Runs operations, in random order, until these are done. The host has waited for them then.
  void wait(const std::vector<OperationPtr>& operations);
  /// Until nothing is left.
  void wait_for_all();
  /// Runs one operation if there is one: what polling does.
  void run_one();
  /// Tells that the host knows `operation` to be done.
  void host_saw(const Operation& operation);
  /// Forgets what has not run.
  void drop_pending();

  /// The one that runs; nullptr between operations.
  const Operation* current() const { return current_; }
  /// The executed one that this segment belongs to; nullptr if it is forgotten.
  const Operation* of_segment(uint32_t segment) const;

  void seed(uint64_t seed) { random_.seed(seed); }

 private:
  void execute(const OperationPtr& operation);
  /// If the host has waited for all that has run, and nothing waits, the past is forgotten.
  void forget_if_idle();
  void forget();

  std::vector<OperationPtr> ready_;
  size_t pending_ = 0;
  std::vector<OperationPtr> executed_;
  Clock host_clock_;
  std::vector<uint32_t> last_index_;  // by chain
  std::vector<uint32_t> free_chains_, retired_chains_;
  const Operation* current_ = nullptr;
  std::mt19937_64 random_;
};

}  // namespace cuda_on_host
