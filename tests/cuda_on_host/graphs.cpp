#include "graphs.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cuda_on_host/violation.h"
#include "handles.h"
#include "streams.h"

namespace cuda_on_host {

void capture(Stream& stream, const std::string& name, std::function<void()> run) {
  std::vector<GraphNode>& nodes = stream.capture->nodes;
  nodes.push_back({name, std::move(run), stream.branch, stream.captured_tail});
  stream.captured_tail = {nodes.size() - 1};
}

void join_capture(Stream& stream, Graph& graph) {
  stream.capture = &graph;
  stream.branch = graph.branches++;
  stream.captured_tail.clear();
}

namespace {

/// All streams of the capture go back to normal.
void end_capture(const Graph& graph) {
  for (Stream* stream : Handles<Stream>::instance().all()) {
    if (stream->capture == &graph) stream->capture = nullptr;
  }
}

/// Whether every node precedes what the origin's next operation would follow.
bool is_joined(const Graph& graph, const std::vector<size_t>& tail) {
  std::vector<char> reached(graph.nodes.size(), 0);
  for (const size_t node : tail) reached[node] = 1;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (!reached[i]) return false;
    for (const size_t before : graph.nodes[i].after) reached[before] = 1;
  }
  return true;
}

}  // namespace
}  // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  const std::lock_guard lock(device_mutex());
  if (!handle) return remember(cudaErrorStreamCaptureUnsupported);
  Stream& stream = stream_of(handle, "cudaStreamBeginCapture");
  if (stream.capture) return remember(cudaErrorStreamCaptureUnsupported);
  auto graph = std::make_unique<Graph>();
  graph->origin = &stream;
  graph->mode = mode;
  join_capture(stream, *Handles<Graph>::instance().add(graph.release()));
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  const std::lock_guard lock(device_mutex());
  *graph = nullptr;
  Stream& stream = stream_of(handle, "cudaStreamEndCapture");
  if (!stream.capture || stream.capture->origin != &stream) {
    return remember(cudaErrorStreamCaptureUnmatched);
  }
  Graph* captured = stream.capture;
  captured->origin = nullptr;
  end_capture(*captured);
  if (!is_joined(*captured, stream.captured_tail)) {
    Handles<Graph>::instance().remove(captured);
    delete captured;
    return remember(cudaErrorStreamCaptureUnjoined);
  }
  *graph = captured;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const std::lock_guard lock(device_mutex());
  *status = stream_of(handle, "cudaStreamIsCapturing").capture ? cudaStreamCaptureStatusActive
                                                               : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t handle,
                                 unsigned long long) {
  const std::lock_guard lock(device_mutex());
  const Graph& graph = Handles<Graph>::instance().checked(handle, "cudaGraphInstantiate");
  auto created = std::make_unique<GraphExecutable>();
  created->nodes = graph.nodes;
  for (uint32_t i = 0; i < graph.branches; ++i) {
    created->chains.push_back(Operations::instance().new_chain());
  }
  *executable = Handles<GraphExecutable>::instance().add(created.release());
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t handle, cudaStream_t stream_handle) {
  const std::lock_guard lock(device_mutex());
  GraphExecutable& executable =
      Handles<GraphExecutable>::instance().checked(handle, "cudaGraphLaunch");
  Stream& stream = stream_of(stream_handle, "cudaGraphLaunch");
  if (stream.capture) return remember(cudaErrorStreamCaptureUnsupported);
  std::vector<OperationPtr> before = predecessors(stream);
  before.insert(before.end(), executable.last_launch.begin(), executable.last_launch.end());
  std::vector<OperationPtr> launched;
  launched.reserve(executable.nodes.size());
  for (const GraphNode& node : executable.nodes) {
    std::vector<OperationPtr> after;
    for (const size_t i : node.after) after.push_back(launched[i]);
    launched.push_back(Operations::instance().enqueue(
        node.name, executable.chains[node.branch], node.after.empty() ? before : after, node.run));
  }
  std::vector<OperationPtr> all = before;
  all.insert(all.end(), launched.begin(), launched.end());
  stream.tail = {Operations::instance().enqueue("cudaGraphLaunch", stream.chain, all, nullptr)};
  executable.last_launch = stream.tail;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t handle) {
  const std::lock_guard lock(device_mutex());
  const GraphExecutable& executable =
      Handles<GraphExecutable>::instance().checked(handle, "cudaGraphExecDestroy");
  for (const uint32_t chain : executable.chains) Operations::instance().retire_chain(chain);
  Handles<GraphExecutable>::instance().remove(handle);
  delete handle;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t handle) {
  const std::lock_guard lock(device_mutex());
  const Graph& graph = Handles<Graph>::instance().checked(handle, "cudaGraphDestroy");
  if (graph.origin) throw Violation("[cuda_on_host] cudaGraphDestroy while it is captured");
  Handles<Graph>::instance().remove(handle);
  delete handle;
  return cudaSuccess;
}
