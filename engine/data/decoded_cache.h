// Decoded images kept over the epochs, up to a limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/data/dataset.h"

namespace trady {

/// Bytes that several caches (training, validation, test) may fill together. Thread-safe.
class CacheBudget {
 public:
  explicit CacheBudget(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  /// Takes `bytes` if they still fit.
  bool reserve(int64_t bytes);
  void release(int64_t bytes) { used_bytes_ -= bytes; }

 private:
  const int64_t limit_bytes_;
  std::atomic<int64_t> used_bytes_{0};
};

/// Loads samples of one data set, keeping decoded pixels while the budget lasts. What is in stays
/// in: every epoch asks for each sample once, so replacing one image by another gains nothing.
/// Data sets that do not decode (raw pixels in files) are read anew each time. Thread-safe.
class DecodedCache {
 public:
  DecodedCache(std::shared_ptr<const Dataset> dataset, std::shared_ptr<CacheBudget> budget);
  ~DecodedCache();
  DecodedCache(const DecodedCache&) = delete;
  DecodedCache& operator=(const DecodedCache&) = delete;

  const Dataset& dataset() const { return *dataset_; }
  /// The sample's pixels, from memory or freshly loaded. Errors are the data set's.
  std::shared_ptr<const Image> load(int64_t index);
  /// Bytes of decoded pixels in this cache.
  int64_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<const Dataset> dataset_;
  std::shared_ptr<CacheBudget> budget_;
  std::mutex mutex_;                                 ///< guards slots_
  std::vector<std::shared_ptr<const Image>> slots_;  ///< by sample; null: not kept
  std::atomic<int64_t> bytes_{0};
};

}  // namespace trady
