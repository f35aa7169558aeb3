#include "kernels/cuda/graph_capture.h"

#include "kernels/cuda/device/launch.cuh"

namespace trady::kernels::cuda {
namespace {

class GraphRecording final : public Recording {
 public:
  GraphRecording(cudaGraph_t graph, cudaStream_t stream) : stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph);
    cudaGraphDestroy(graph);
    check(status, "making a recorded step executable");
  }
  GraphRecording(const GraphRecording&) = delete;
  GraphRecording& operator=(const GraphRecording&) = delete;
  ~GraphRecording() override { cudaGraphExecDestroy(executable_); }
  void replay() const override {
    check(cudaGraphLaunch(executable_, stream_), "replaying a recorded step");
  }

 private:
  cudaGraphExec_t executable_ = nullptr;
  cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<Recording> capture_graph(const std::function<void()>& calls, cudaStream_t stream) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a step");
  cudaGraph_t graph = nullptr;
  try {
    calls();
  } catch (...) {
    if (cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
    cudaGetLastError();  // of a capture that is given up
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "recording a step");
  return std::make_unique<GraphRecording>(graph, stream);
}

}  // namespace trady::kernels::cuda
