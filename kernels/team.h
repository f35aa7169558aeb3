// Threads that share one primitive, where a step has no micro-batches to share among them: trained
// batch-norms take the whole batch through every layer at once.
#pragma once

#include <cstdint>
#include <functional>

namespace trady::kernels {

class Team {
 public:
  virtual ~Team() = default;
  virtual int threads() const = 0;
  /// Calls task(piece, thread) once for every piece, in any order and some at the same time, and
  /// returns when all have ended. 0 <= thread < threads(); no two calls at a time have the same.
  virtual void run(int64_t pieces,
                   const std::function<void(int64_t piece, int thread)>& task) const = 0;
};

/// The same for a team that may be missing (null): on the calling thread, in order. Allocates
/// nothing, whatever the task captures.
template <typename Task>
void run_pieces(const Team* team, int64_t pieces, const Task& task) {
  if (team) return team->run(pieces, std::cref(task));
  for (int64_t piece = 0; piece < pieces; ++piece) task(piece, 0);
}

}  // namespace trady::kernels
