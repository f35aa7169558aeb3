// Streams, events and copies: what orders them, and what happens when nothing does.
#include <algorithm>
#include <set>

#include "fixture.h"
#include "handles_of_tests.h"
#include "kernels.h"

namespace {

constexpr int kCount = 40;

void start_add(Buffer<float>& values, float term, cudaStream_t stream) {
  launch({"add", 1, 64, 0, stream}, add, values.data(), term, kCount);
}
void start_scale(Buffer<float>& in, Buffer<float>& out, float factor, cudaStream_t stream) {
  launch({"scale", 1, 64, 0, stream}, scale, in.data(), out.data(), factor, kCount);
}

/// Runs `body` with several orders of the items of streams.
template <typename Body>
void with_seeds(Body body) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    cuda_on_host::set_schedule(Order::forward, seed);
    body();
  }
}

}  // namespace

TEST_CASE("a missing event between two streams is a race, whatever runs first") {
  with_seeds([] {
    Buffer<float> a(ascending(kCount)), b(kCount);
    StreamHandle first, second;
    EventHandle ready;
    start_add(a, 1, first);
    cudaEventRecord(ready, first);
    cudaStreamWaitEvent(second, ready);
    start_scale(a, b, 2, second);
    cudaStreamSynchronize(second);
    CHECK(b.read()[3] == 8);

    start_add(a, 1, first);
    start_scale(a, b, 2, second);
    CHECK_THROWS_WITH(synchronize(),
                      Contains("no stream, event or synchronisation orders the two"));
  });
}

TEST_CASE("readers on two streams are both waited for by a writer, or it is a race") {
  with_seeds([] {
    Buffer<float> a(ascending(kCount)), b(kCount), c(kCount);
    StreamHandle first, second;
    EventHandle done;
    start_scale(a, b, 2, first);
    start_scale(a, c, 2, second);
    cudaEventRecord(done, second);
    cudaStreamWaitEvent(first, done);
    start_add(a, 1, first);
    synchronize();

    start_scale(a, b, 2, first);
    start_scale(a, c, 2, second);
    start_add(a, 1, first);  // the second may still read
    CHECK_THROWS_WITH(synchronize(), Contains("'scale'") || Contains("'add'"));
  });
}

TEST_CASE("waiting on the host orders streams") {
  with_seeds([] {
    Buffer<float> a(ascending(kCount)), b(kCount);
    StreamHandle first, second;
    EventHandle done;
    start_add(a, 1, first);
    cudaStreamSynchronize(first);
    start_scale(a, b, 2, second);
    cudaEventRecord(done, second);
    cudaEventSynchronize(done);
    start_add(a, 1, first);
    cudaEventRecord(done, first);
    while (cudaEventQuery(done) == cudaErrorNotReady) continue;
    start_scale(a, b, 3, second);
    while (cudaStreamQuery(second) == cudaErrorNotReady) continue;
    CHECK(b.read()[0] == 6);
  });
}

TEST_CASE("an event that comes too early does not order what follows it") {
  with_seeds([] {
    Buffer<float> a(ascending(kCount)), b(kCount);
    StreamHandle first, second;
    EventHandle early;
    cudaEventRecord(early, first);
    start_add(a, 1, first);
    cudaStreamWaitEvent(second, early);
    start_scale(a, b, 2, second);
    CHECK_THROWS_WITH(synchronize(), Contains("orders the two"));
  });
}

TEST_CASE("copies race like kernels") {
  with_seeds([] {
    Buffer<float> a(ascending(kCount)), b(kCount);
    StreamHandle first, second;
    PinnedBuffer pinned(kCount);
    std::fill(pinned.data(), pinned.data() + kCount, 5.0f);
    const size_t bytes = kCount * sizeof(float);
    cudaMemcpyAsync(a.data(), pinned.data(), bytes, cudaMemcpyHostToDevice, first);
    start_scale(a, b, 2, first);
    cudaStreamSynchronize(first);
    CHECK(b.read()[39] == 10);

    cudaMemcpyAsync(a.data(), pinned.data(), bytes, cudaMemcpyHostToDevice, first);
    start_scale(a, b, 2, second);
    CHECK_THROWS_WITH(synchronize(), Contains("'cudaMemcpyAsync'") && Contains("orders the two"));

    // Both write to one buffer of the host.
    cudaMemcpyAsync(pinned.data(), a.data(), bytes, cudaMemcpyDeviceToHost, first);
    cudaMemsetAsync(pinned.data(), 0, 4, second);
    CHECK_THROWS_WITH(synchronize(), Contains("pinned host allocation"));
  });
}

TEST_CASE("pageable sources are copied at the call, pinned ones when their turn comes") {
  Buffer<float> a(1);
  StreamHandle stream;
  float pageable = 1;
  cudaMemcpyAsync(a.data(), &pageable, sizeof(float), cudaMemcpyHostToDevice, stream);
  pageable = 2;
  cudaStreamSynchronize(stream);
  CHECK(a.read()[0] == 1);
  PinnedBuffer pinned(1);
  *pinned.data() = 1;
  cudaMemcpyAsync(a.data(), pinned.data(), sizeof(float), cudaMemcpyHostToDevice, stream);
  *pinned.data() = 2;
  cudaStreamSynchronize(stream);
  CHECK(a.read()[0] == 2);
}

TEST_CASE("pinned memory that is freed before its copy has run") {
  Buffer<float> a(ascending(1));
  StreamHandle stream;
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, sizeof(float)) == cudaSuccess);
  cudaMemcpyAsync(a.data(), pinned, sizeof(float), cudaMemcpyHostToDevice, stream);
  cudaFreeHost(pinned);
  CHECK_THROWS_WITH(synchronize(), Contains("freed pinned host allocation"));
}

TEST_CASE("the default stream waits for blocking streams, not for others") {
  with_seeds([] {
    Buffer<float> a(ascending(kCount));
    StreamHandle blocking(cudaStreamDefault), other(cudaStreamNonBlocking);
    start_add(a, 1, blocking);
    start_add(a, 1, nullptr);
    start_add(a, 1, blocking);
    CHECK(a.read()[0] == 3);
    start_add(a, 1, other);
    // The copy of read() may come first, and the race show when the addition runs.
    const auto both = [&] {
      a.read();
      synchronize();
    };
    CHECK_THROWS_WITH(both(), Contains("orders the two"));
  });
}

TEST_CASE("items of streams run in different orders") {
  std::set<std::vector<float>> results;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    cuda_on_host::set_schedule(Order::forward, seed);
    Buffer<float> a(std::vector<float>{1}), b(std::vector<float>{1});
    StreamHandle first, second;
    PinnedBuffer seen(1);
    // The host asks after each step what has run.
    launch({"add", 1, 1, 0, first}, add, a.data(), 1.0f, 1);
    launch({"add", 1, 1, 0, second}, add, b.data(), 1.0f, 1);
    const bool first_is_done = cudaStreamQuery(first) == cudaSuccess;
    results.insert({first_is_done ? 1.0f : 0.0f});
    synchronize();
  }
  CHECK(results.size() == 2);
  cuda_on_host::set_schedule(Order::forward);
}

TEST_CASE("kinds of copies must be true") {
  Buffer<float> a(ascending(4));
  std::vector<float> host(5);
  CHECK_THROWS_WITH(cudaMemcpy(host.data(), a.data(), 16, cudaMemcpyHostToDevice),
                    Contains("the destination is device memory, but it is in host memory"));
  CHECK_THROWS_WITH(cudaMemcpy(a.data(), host.data(), 20, cudaMemcpyHostToDevice),
                    Contains("device allocation of 16 bytes + 16, past its end"));
  CHECK(cudaMemcpy(host.data(), a.data(), 16, cudaMemcpyDefault) == cudaSuccess);
  CHECK(host[3] == 3);
}

TEST_CASE("handles are counted, and their use after destruction is told") {
  const size_t before = cuda_on_host::live_handles();
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  REQUIRE(cudaEventCreate(&event) == cudaSuccess);
  CHECK(cuda_on_host::live_handles() == before + 2);
  cudaEventDestroy(event);
  cudaStreamDestroy(stream);
  CHECK(cuda_on_host::live_handles() == before);
  CHECK_THROWS_WITH(cudaStreamSynchronize(stream), Contains("destroyed or never created"));
  CHECK_THROWS_WITH(cudaEventRecord(event), Contains("destroyed or never created"));
}

TEST_CASE("the time between events") {
  StreamHandle stream;
  EventHandle start, end;
  Buffer<float> a(ascending(kCount));
  float milliseconds = -1;
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorInvalidResourceHandle);
  cudaEventRecord(start, stream);
  start_add(a, 1, stream);
  cudaEventRecord(end, stream);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorNotReady);
  cudaEventSynchronize(end);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaSuccess);
  CHECK(milliseconds >= 0);
}

TEST_CASE("a machine without a device") {
  int count = 7;
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 1);
  cuda_on_host::set_device_error(cudaErrorInsufficientDriver);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
  CHECK(count == 0);
  cuda_on_host::set_device_error(cudaSuccess);
  CHECK(std::string(cudaGetErrorName(cudaErrorInsufficientDriver)) ==
        "cudaErrorInsufficientDriver");
}
