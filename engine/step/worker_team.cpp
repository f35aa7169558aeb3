#include "engine/step/worker_team.h"

namespace trady {

namespace {

/// Takes a flag that is down, and lowers it again.
class Taken {
 public:
  explicit Taken(std::atomic<bool>& flag) : flag_(flag), mine_(!flag.exchange(true)) {}
  ~Taken() {
    if (mine_) flag_ = false;
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  bool mine() const { return mine_; }

 private:
  std::atomic<bool>& flag_;
  bool mine_;
};

}  // namespace

void WorkerTeam::run(int64_t pieces,
                     const std::function<void(int64_t piece, int thread)>& task) const {
  const Taken turn(busy_);
  if (!turn.mine() || pieces < 2) {
    for (int64_t piece = 0; piece < pieces; ++piece) task(piece, 0);
    return;
  }
  std::atomic<int64_t> next{0};
  workers_.run([&](int worker) {
    for (int64_t piece = next++; piece < pieces; piece = next++) task(piece, worker);
  });
}

}  // namespace trady
