// Threads as the team of a backend (kernels/team.h). Unlike Workers they share pieces that take a
// few microseconds: for a while they wait without sleeping, and nobody waits for one that slept too
// long.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/team.h"

namespace trady {

class WorkerTeam final : public kernels::Team {
 public:
  /// `threads` >= 1; the calling thread is one of them. Throws Error if the system refuses one.
  explicit WorkerTeam(int threads);
  ~WorkerTeam() override;
  WorkerTeam(const WorkerTeam&) = delete;
  WorkerTeam& operator=(const WorkerTeam&) = delete;

  int threads() const override { return static_cast<int>(threads_.size()) + 1; }
  /// While others' pieces are running, the calling thread computes its own alone. Rethrows the
  /// first exception of a piece, after all have ended.
  void run(int64_t pieces,
           const std::function<void(int64_t piece, int thread)>& task) const override {
    shared_.run(pieces, task);
  }

 private:
  /// What the threads share. A round is one call of run().
  class Shared {
   public:
    void run(int64_t pieces, const std::function<void(int64_t piece, int thread)>& task);
    void help(int thread);
    void stop();

   private:
    bool take_piece(int thread);
    void wake(int64_t pieces);

    /// Round in the upper half, pieces that nobody has taken in the lower: a thread that wakes up
    /// in a later round cannot take a piece of the one that it was woken for.
    std::atomic<uint64_t> claim_{0};
    std::atomic<int64_t> unfinished_{0};
    std::atomic<bool> busy_{false}, stop_{false};
    const std::function<void(int64_t piece, int thread)>* task_ = nullptr;
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    int64_t asleep_ = 0;
    std::exception_ptr error_;
  };

  void join();

  mutable Shared shared_;
  std::vector<std::thread> threads_;
};

}  // namespace trady
