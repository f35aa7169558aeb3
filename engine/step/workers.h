// The threads that run a step: one a core, kept between steps.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace trady {

class Workers {
 public:
  /// `count` >= 1; the calling thread is worker 0. Throws Error if the system refuses a thread.
  explicit Workers(int count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(threads_.size()) + 1; }
  /// Runs task(worker) on every worker and waits. Rethrows the first exception.
  void run(const std::function<void(int)>& task);

 private:
  void loop(int worker);
  void attempt(int worker);
  void stop();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int)>* task_ = nullptr;
  uint64_t round_ = 0;
  int running_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
};

}  // namespace trady
