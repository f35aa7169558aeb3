#include "engine/step/worker_team.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "engine/error.h"

namespace trady {

namespace {

constexpr int kRoundShift = 32;
constexpr uint64_t kUntaken = (uint64_t{1} << kRoundShift) - 1;

/// Whether it came true while a thread may well wait without sleeping: waking one takes as long as
/// a small layer.
template <typename Condition>
bool soon(const Condition& condition) {
  constexpr auto kPatience = std::chrono::microseconds(50);
  constexpr int kLooks = 64;  // between two looks at the clock
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    for (int look = 0; look < kLooks; ++look) {
      if (condition()) return true;
      __builtin_ia32_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

WorkerTeam::WorkerTeam(int threads) {
  threads_.reserve(static_cast<size_t>(std::max(threads, 1)) - 1);
  try {
    for (int thread = 1; thread < threads; ++thread) {
      threads_.emplace_back([this, thread] { shared_.help(thread); });
    }
  } catch (const std::exception& error) {
    join();
    fail("[step] the system refused thread ", threads_.size() + 2, " of ", threads, " (",
         error.what(), "); use fewer --threads");
  }
}

WorkerTeam::~WorkerTeam() {
  join();
}

void WorkerTeam::join() {
  shared_.stop();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerTeam::Shared::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
}

void WorkerTeam::Shared::run(int64_t pieces,
                             const std::function<void(int64_t piece, int thread)>& task) {
  if (pieces < 2 || pieces > static_cast<int64_t>(kUntaken) || busy_.exchange(true)) {
    for (int64_t piece = 0; piece < pieces; ++piece) task(piece, 0);
    return;
  }
  task_ = &task;
  error_ = nullptr;
  unfinished_ = pieces;
  const uint64_t round = (claim_ >> kRoundShift) + 1;
  claim_ = round << kRoundShift | static_cast<uint64_t>(pieces);
  wake(pieces - 1);
  while (take_piece(0)) {
  }
  const auto all_finished = [&] { return unfinished_ == 0; };
  if (!soon(all_finished)) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, all_finished);
  }
  const std::exception_ptr error = error_;  // no thread is left that could set it
  busy_ = false;
  if (error) std::rethrow_exception(error);
}

/// As many as there are pieces for.
void WorkerTeam::Shared::wake(int64_t pieces) {
  int64_t sleepers = 0;
  {
    const std::lock_guard lock(mutex_);
    sleepers = std::min(asleep_, pieces);
  }
  for (int64_t i = 0; i < sleepers; ++i) wake_.notify_one();
}

/// Takes one piece of the round that is under way, and computes it. False: none is left.
bool WorkerTeam::Shared::take_piece(int thread) {
  uint64_t claim = claim_;
  do {
    if ((claim & kUntaken) == 0) return false;
  } while (!claim_.compare_exchange_weak(claim, claim - 1));
  try {
    (*task_)(static_cast<int64_t>(claim & kUntaken) - 1, thread);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
  if (--unfinished_ == 0) {
    { const std::lock_guard lock(mutex_); }  // whoever waits has looked, or sleeps
    done_.notify_one();
  }
  return true;
}

void WorkerTeam::Shared::help(int thread) {
  const auto has_work = [&] { return stop_ || (claim_ & kUntaken) != 0; };
  while (true) {
    if (!soon(has_work)) {
      std::unique_lock lock(mutex_);
      ++asleep_;
      wake_.wait(lock, has_work);
      --asleep_;
    }
    if (stop_) return;
    while (take_piece(thread)) {
    }
  }
}

}  // namespace trady
