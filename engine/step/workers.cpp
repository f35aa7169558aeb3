#include "engine/step/workers.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "engine/error.h"

namespace trady {

namespace {

/// Whether it came true while a thread may well wait without sleeping.
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

Workers::Workers(int count) {
  threads_.reserve(static_cast<size_t>(std::max(count, 1)) - 1);
  try {
    for (int worker = 1; worker < count; ++worker) {
      threads_.emplace_back([this, worker] { loop(worker); });
    }
  } catch (const std::system_error& error) {
    const size_t started = threads_.size();
    stop();
    fail("[step] the system refused worker ", started + 2, " of ", count, " (",
         error.code().message(), "); use fewer --threads");
  }
}

Workers::~Workers() {
  stop();
}

void Workers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::attempt(int worker) {
  try {
    (*task_)(worker);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

void Workers::loop(int worker) {
  uint64_t seen = 0;
  const auto has_task = [&] { return stop_ || round_ != seen; };
  while (true) {
    if (!soon(has_task)) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, has_task);
    }
    if (stop_) return;
    seen = round_;
    attempt(worker);
    if (--running_ > 0) continue;
    { const std::lock_guard lock(mutex_); }  // whoever waits has looked, or sleeps
    done_.notify_one();
  }
}

void Workers::run(const std::function<void(int)>& task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    error_ = nullptr;
    running_ = static_cast<int>(threads_.size());
    ++round_;
  }
  wake_.notify_all();
  attempt(0);
  const auto all_done = [&] { return running_ == 0; };
  soon(all_done);
  std::unique_lock lock(mutex_);
  done_.wait(lock, all_done);
  if (error_) std::rethrow_exception(error_);
}

}  // namespace trady
