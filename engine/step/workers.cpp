#include "engine/step/workers.h"

#include <algorithm>
#include <system_error>

#include "engine/error.h"

namespace trady {

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
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) return;
    seen = round_;
    lock.unlock();
    attempt(worker);
    lock.lock();
    if (--running_ == 0) done_.notify_one();
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
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return running_ == 0; });
  if (error_) std::rethrow_exception(error_);
}

}  // namespace trady
