// Graphs captured from streams.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cuda_on_host/runtime_api.h"
#include "operations.h"

namespace cuda_on_host {

struct GraphNode {
  std::string name;
  std::function<void()> run;
  uint32_t branch = 0;        ///< nodes of one branch follow one another
  std::vector<size_t> after;  ///< earlier nodes
};

class Graph {
 public:
  std::vector<GraphNode> nodes;
  uint32_t branches = 0;
  Stream* origin = nullptr;  ///< while it is captured
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
};

class GraphExecutable {
 public:
  std::vector<GraphNode> nodes;
  std::vector<uint32_t> chains;           ///< by branch
  std::vector<OperationPtr> last_launch;  ///< launches of one executable follow one another
};

/// Adds an operation to the graph that the stream is captured into.
void capture(Stream& stream, const std::string& name, std::function<void()> run);
/// Makes the stream part of a capture.
void join_capture(Stream& stream, Graph& graph);

}  // namespace cuda_on_host
