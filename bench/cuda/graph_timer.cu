// Events, graphs and no kernel.
#include "bench/cuda/graph_timer.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "kernels/cuda/device/launch.cuh"

namespace trady::bench {
namespace {

using kernels::cuda::check;
using kernels::cuda::CudaBackend;

constexpr int kMostCalls = 64;

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), "creating an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "recording an event"); }
  void wait() { check(cudaEventSynchronize(event_), "waiting for an event"); }
  double us_since(const Event& earlier) const {
    float ms = 0;
    check(cudaEventElapsedTime(&ms, earlier.event_, event_), "reading the time of an event");
    return 1000.0 * static_cast<double>(ms);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

class Timer {
 public:
  explicit Timer(const CudaBackend& device) : stream_(static_cast<cudaStream_t>(device.stream())) {}

  /// Microseconds of what `work` enqueues.
  double us(const std::function<void()>& work) {
    begin_.record(stream_);
    work();
    end_.record(stream_);
    end_.wait();
    return end_.us_since(begin_);
  }

 private:
  cudaStream_t stream_;
  Event begin_, end_;
};

struct Replays {
  explicit Replays(const CudaBackend& device) : timer(device) {}
  Timer timer;
  std::unique_ptr<kernels::Recording> graph;
  int calls = 1;    // in the graph
  int a_round = 1;  // replays

  double round() {
    return timer.us([this] {
      for (int i = 0; i < a_round; ++i) graph->replay();
    }) / (static_cast<double>(calls) * a_round);
  }
};

}  // namespace

Side replayed_side(const std::string& name, const CudaBackend& device, int least_calls,
                   const DeviceCall& call, double round_us) {
  const auto replays = std::make_shared<Replays>(device);
  call(0);  // loads the kernel
  const double once_us = std::max(1.0, replays->timer.us([&] { call(0); }));
  replays->calls =
      std::max({1, least_calls, std::min(kMostCalls, static_cast<int>(round_us / once_us))});
  replays->graph = device.record([&] {
    for (int i = 0; i < replays->calls; ++i) call(i);
  });
  if (!replays->graph) {
    throw std::runtime_error("[bench] nothing is recorded under TRADY_SYNC=1; unset it to measure");
  }
  replays->round();
  const double graph_us = std::max(1.0, replays->round() * replays->calls);
  replays->a_round = std::max(1, static_cast<int>(round_us / graph_us));
  return {name, [replays] { return replays->round(); }};
}

void warm_up(const CudaBackend& device, const DeviceCall& call, double ms) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double, std::milli>(ms);
  for (int i = 0; Clock::now() < end; ++i) {
    call(i);
    if (i % 16 == 15) device.synchronize();
  }
  device.synchronize();
}

}  // namespace trady::bench
