// Queues of operations.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cuda_on_host/runtime_api.h"
#include "operations.h"

namespace cuda_on_host {

class Stream {
 public:
  uint32_t chain = 0;
  bool blocking = true;            ///< ordered with the default stream
  std::vector<OperationPtr> tail;  ///< what the next operation follows

  // While it is captured into a graph.
  Graph* capture = nullptr;
  uint32_t branch = 0;
  std::vector<size_t> captured_tail;
};

/// nullptr is the default stream. Throws Violation if there is no such stream.
Stream& stream_of(cudaStream_t handle, const char* call);
/// What the next operation on the stream follows, by its own order and the default stream's.
std::vector<OperationPtr> predecessors(const Stream& stream);
/// Enqueues, or captures.
void submit(cudaStream_t stream, const std::string& name, std::function<void()> run);
/// Whether some stream is captured in a mode that forbids calls like cudaMalloc meanwhile.
bool capture_forbids_other_calls();

}  // namespace cuda_on_host
