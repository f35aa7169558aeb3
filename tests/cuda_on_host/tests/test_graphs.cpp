// Capture of streams into graphs, and their replay.
#include "fixture.h"
#include "handles_of_tests.h"
#include "kernels.h"

namespace {

constexpr int kCount = 40;

/// What was captured, instantiated.
class GraphHandle {
 public:
  explicit GraphHandle(cudaStream_t captured) {
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamEndCapture(captured, &graph) == cudaSuccess);
    REQUIRE(cudaGraphInstantiate(&executable_, graph) == cudaSuccess);
    cudaGraphDestroy(graph);
  }
  ~GraphHandle() { cudaGraphExecDestroy(executable_); }
  GraphHandle(const GraphHandle&) = delete;
  GraphHandle& operator=(const GraphHandle&) = delete;
  void launch_on(cudaStream_t stream) {
    REQUIRE(cudaGraphLaunch(executable_, stream) == cudaSuccess);
  }

 private:
  cudaGraphExec_t executable_ = nullptr;
};

void start_add(Buffer<float>& values, float term, cudaStream_t stream) {
  launch({"add", 1, 64, 0, stream}, add, values.data(), term, kCount);
}

void begin(cudaStream_t stream) {
  REQUIRE(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
}

}  // namespace

TEST_CASE("a captured graph runs when it is launched, as often as that") {
  StreamHandle stream;
  Buffer<float> a(ascending(kCount));
  begin(stream);
  start_add(a, 1, stream);
  start_add(a, 10, stream);
  GraphHandle graph(stream);
  synchronize();
  CHECK(a.read()[0] == 0);
  graph.launch_on(stream);
  graph.launch_on(stream);
  start_add(a, 100, stream);
  cudaStreamSynchronize(stream);
  CHECK(a.read()[0] == 122);
}

TEST_CASE("a capture reaches other streams by events, and must come back") {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    cuda_on_host::set_schedule(Order::forward, seed);
    StreamHandle first, second;
    EventHandle fork, done;
    Buffer<float> a(ascending(kCount)), b(kCount), c(kCount);
    // `joined` false: the addition to a does not wait for the second stream, which reads it.
    const auto captured = [&](bool joined) {
      begin(first);
      start_add(a, 1, first);
      cudaEventRecord(fork, first);
      cudaStreamWaitEvent(second, fork);
      launch({"scale", 1, 64, 0, second}, scale, a.data(), b.data(), 2.0f, kCount);
      cudaEventRecord(done, second);
      if (joined) cudaStreamWaitEvent(first, done);
      start_add(a, 1, first);
      if (!joined) cudaStreamWaitEvent(first, done);
    };
    {
      captured(true);
      GraphHandle graph(first);
      graph.launch_on(first);
      graph.launch_on(first);
      cudaStreamSynchronize(first);
      CHECK(a.read()[0] == 4);
      CHECK(b.read()[0] == 6);
    }
    captured(false);
    GraphHandle graph(first);
    graph.launch_on(first);
    CHECK_THROWS_WITH(cudaStreamSynchronize(first), Contains("orders the two"));
  }
  cuda_on_host::set_schedule(Order::forward);
}

TEST_CASE("a graph follows what its stream holds, and nothing else") {
  StreamHandle first, second;
  Buffer<float> a(ascending(kCount));
  begin(first);
  start_add(a, 1, first);
  GraphHandle graph(first);
  start_add(a, 1, second);
  graph.launch_on(second);
  synchronize();
  CHECK(a.read()[0] == 2);
  start_add(a, 1, second);
  graph.launch_on(first);
  CHECK_THROWS_WITH(synchronize(), Contains("orders the two"));
}

TEST_CASE("a capture that leaves a stream behind fails") {
  StreamHandle first, second;
  EventHandle fork;
  Buffer<float> a(ascending(kCount)), b(ascending(kCount));
  begin(first);
  start_add(a, 1, first);
  cudaEventRecord(fork, first);
  cudaStreamWaitEvent(second, fork);
  start_add(b, 1, second);
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(second, &graph) == cudaErrorStreamCaptureUnmatched);
  CHECK(cudaStreamEndCapture(first, &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(graph == nullptr);
  CHECK(b.read()[0] == 0);
}

TEST_CASE("what may not happen during a capture") {
  StreamHandle stream;
  Buffer<float> a(ascending(kCount));
  begin(stream);
  void* memory = nullptr;
  CHECK(cudaMalloc(&memory, 16) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaStreamSynchronize(stream) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaDeviceSynchronize() == cudaErrorStreamCaptureUnsupported);
  CHECK_THROWS_WITH(start_add(a, 1, nullptr), Contains("uses the default stream while"));
  float pageable = 1;
  CHECK_THROWS_WITH(cudaMemcpyAsync(a.data(), &pageable, 4, cudaMemcpyHostToDevice, stream),
                    Contains("pageable memory in a capture"));
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CHECK(cudaStreamIsCapturing(stream, &status) == cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusActive);
  GraphHandle graph(stream);
  graph.launch_on(stream);
  cudaGetLastError();
}

TEST_CASE("pinned sources of a captured copy are read at each replay") {
  StreamHandle stream;
  Buffer<float> a(1);
  PinnedBuffer pinned(1);
  begin(stream);
  cudaMemcpyAsync(a.data(), pinned.data(), 4, cudaMemcpyHostToDevice, stream);
  GraphHandle graph(stream);
  for (const float value : {3.0f, 4.0f}) {
    *pinned.data() = value;
    graph.launch_on(stream);
    cudaStreamSynchronize(stream);
    CHECK(a.read()[0] == value);
  }
}
