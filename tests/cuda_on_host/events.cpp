#include <algorithm>
#include <chrono>
#include <memory>

#include "cuda_on_host/violation.h"
#include "graphs.h"
#include "handles.h"
#include "operations.h"
#include "streams.h"

namespace cuda_on_host {

class Event {
 public:
  using Time = std::chrono::steady_clock::time_point;

  bool timed = true;
  OperationPtr operation;      ///< of the latest record; nullptr if there was none
  std::shared_ptr<Time> time;  ///< when that ran
  // If the latest record was captured:
  const Graph* capture = nullptr;
  std::vector<size_t> captured;
};

namespace {

Event& checked(cudaEvent_t event, const char* call) {
  return Handles<Event>::instance().checked(event, call);
}

/// Whether that capture is still going on.
bool is_captured_now(const Graph* graph) {
  const auto& streams = Handles<Stream>::instance().all();
  return std::any_of(streams.begin(), streams.end(),
                     [graph](const Stream* stream) { return stream->capture == graph; });
}

}  // namespace
}  // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const std::lock_guard lock(device_mutex());
  if (flags > (cudaEventBlockingSync | cudaEventDisableTiming)) {
    return remember(cudaErrorInvalidValue);
  }
  auto created = std::make_unique<Event>();
  created->timed = !(flags & cudaEventDisableTiming);
  *event = Handles<Event>::instance().add(created.release());
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard lock(device_mutex());
  checked(event, "cudaEventDestroy");
  Handles<Event>::instance().remove(event);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  const std::lock_guard lock(device_mutex());
  Event& event = checked(handle, "cudaEventRecord");
  Stream& stream = stream_of(stream_handle, "cudaEventRecord");
  if (stream.capture) {
    event.capture = stream.capture;
    event.captured = stream.captured_tail;
    event.operation = nullptr;
    return cudaSuccess;
  }
  event.capture = nullptr;
  event.time = std::make_shared<Event::Time>();
  submit(stream_handle, "cudaEventRecord",
         [time = event.time] { *time = std::chrono::steady_clock::now(); });
  event.operation = stream.tail.back();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t handle, unsigned) {
  const std::lock_guard lock(device_mutex());
  const Event& event = checked(handle, "cudaStreamWaitEvent");
  Stream& stream = stream_of(stream_handle, "cudaStreamWaitEvent");
  if (event.capture) {
    if (!is_captured_now(event.capture)) {
      throw Violation(
          "[cuda_on_host] cudaStreamWaitEvent: the event belongs to a graph whose "
          "capture has ended");
    }
    if (!stream_handle) {
      throw Violation("[cuda_on_host] cudaStreamWaitEvent: the default stream cannot be captured");
    }
    if (!stream.capture) join_capture(stream, const_cast<Graph&>(*event.capture));
    stream.captured_tail.insert(stream.captured_tail.end(), event.captured.begin(),
                                event.captured.end());
    return cudaSuccess;
  }
  if (stream.capture) {
    throw Violation(
        "[cuda_on_host] cudaStreamWaitEvent: a captured stream waits for an event that "
        "was recorded outside the capture");
  }
  if (event.operation) stream.tail.push_back(event.operation);
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  const std::lock_guard lock(device_mutex());
  const Event& event = checked(handle, "cudaEventSynchronize");
  if (event.capture) return remember(cudaErrorStreamCaptureUnsupported);
  if (event.operation) Operations::instance().wait({event.operation});
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  const std::lock_guard lock(device_mutex());
  const Event& event = checked(handle, "cudaEventQuery");
  if (event.capture) return remember(cudaErrorStreamCaptureUnsupported);
  if (!event.operation) return cudaSuccess;
  const OperationPtr operation = event.operation;
  // Who polls must get there.
  Operations::instance().run_one();
  if (!operation->done) return cudaErrorNotReady;
  Operations::instance().host_saw(*operation);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const std::lock_guard lock(device_mutex());
  const Event& first = checked(start, "cudaEventElapsedTime");
  const Event& last = checked(end, "cudaEventElapsedTime");
  if (!first.timed || !last.timed || !first.operation || !last.operation) {
    return remember(cudaErrorInvalidResourceHandle);
  }
  if (!first.operation->done || !last.operation->done) return remember(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(*last.time - *first.time).count();
  return cudaSuccess;
}
