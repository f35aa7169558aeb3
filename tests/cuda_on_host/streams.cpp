#include "streams.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cuda_on_host/control.h"
#include "cuda_on_host/violation.h"
#include "graphs.h"
#include "handles.h"

namespace cuda_on_host {
namespace {

bool faults_as_errors = false;

Stream& default_stream() {
  static Stream stream = [] {
    Stream created;
    created.chain = Operations::instance().new_chain();
    return created;
  }();
  return stream;
}

const std::set<Stream*>& streams() {
  return Handles<Stream>::instance().all();
}

}  // namespace

void set_faults_as_errors(bool on) {
  const std::lock_guard lock(device_mutex());
  faults_as_errors = on;
}

Stream& stream_of(cudaStream_t handle, const char* call) {
  return handle ? Handles<Stream>::instance().checked(handle, call) : default_stream();
}

std::vector<OperationPtr> predecessors(const Stream& stream) {
  std::vector<OperationPtr> result = stream.tail;
  const auto append = [&result](const Stream& other) {
    result.insert(result.end(), other.tail.begin(), other.tail.end());
  };
  if (&stream != &default_stream()) {
    if (stream.blocking) append(default_stream());
    return result;
  }
  for (const Stream* other : streams()) {
    if (other->blocking) append(*other);
  }
  return result;
}

bool capture_forbids_other_calls() {
  return std::any_of(streams().begin(), streams().end(), [](const Stream* stream) {
    return stream->capture && stream->capture->mode != cudaStreamCaptureModeRelaxed;
  });
}

void submit(cudaStream_t handle, const std::string& name, std::function<void()> run) {
  Stream& stream = stream_of(handle, name.c_str());
  if (stream.capture) {
    capture(stream, name, std::move(run));
    return;
  }
  if (!handle && capture_forbids_other_calls()) {
    throw Violation("[cuda_on_host] '" + name +
                    "' uses the default stream while another is captured");
  }
  stream.tail = {
      Operations::instance().enqueue(name, stream.chain, predecessors(stream), std::move(run))};
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const std::lock_guard lock(device_mutex());
  if (flags > cudaStreamNonBlocking) return remember(cudaErrorInvalidValue);
  auto created = std::make_unique<Stream>();
  created->chain = Operations::instance().new_chain();
  created->blocking = flags != cudaStreamNonBlocking;
  *stream = Handles<Stream>::instance().add(created.release());
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  const std::lock_guard lock(device_mutex());
  const Stream& stream = Handles<Stream>::instance().checked(handle, "cudaStreamDestroy");
  if (stream.capture) throw Violation("[cuda_on_host] cudaStreamDestroy of a captured stream");
  // What is queued still runs, as on a GPU.
  Operations::instance().retire_chain(stream.chain);
  Handles<Stream>::instance().remove(handle);
  delete handle;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  const std::lock_guard lock(device_mutex());
  const Stream& stream = stream_of(handle, "cudaStreamSynchronize");
  if (stream.capture) return remember(cudaErrorStreamCaptureUnsupported);
  try {
    Operations::instance().wait(handle ? stream.tail : predecessors(stream));
  } catch (const Violation&) {
    if (!faults_as_errors) throw;
    return remember(cudaErrorIllegalAddress);
  }
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  const std::lock_guard lock(device_mutex());
  const Stream& stream = stream_of(handle, "cudaStreamQuery");
  if (stream.capture) return remember(cudaErrorStreamCaptureUnsupported);
  Operations::instance().run_one();
  for (const OperationPtr& operation : stream.tail) {
    if (!operation->done) return cudaErrorNotReady;
  }
  for (const OperationPtr& operation : stream.tail) Operations::instance().host_saw(*operation);
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  const std::lock_guard lock(device_mutex());
  if (capture_forbids_other_calls()) return remember(cudaErrorStreamCaptureUnsupported);
  Operations::instance().wait_for_all();
  return cudaSuccess;
}
