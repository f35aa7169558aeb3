// Workers as the team of a backend (kernels/team.h).
#pragma once

#include <atomic>

#include "engine/step/workers.h"
#include "kernels/team.h"

namespace trady {

class WorkerTeam final : public kernels::Team {
 public:
  /// Throws Error if the system refuses a thread.
  explicit WorkerTeam(int threads) : workers_(threads) {}

  int threads() const override { return workers_.count(); }
  /// While others' pieces are running, the calling thread computes its own alone. Rethrows the first
  /// exception of a piece.
  void run(int64_t pieces,
           const std::function<void(int64_t piece, int thread)>& task) const override;

 private:
  mutable Workers workers_;
  mutable std::atomic<bool> busy_{false};
};

}  // namespace trady
