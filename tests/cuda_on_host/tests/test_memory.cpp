// Faults of memory, each beside the same kernel without it.
#include "fixture.h"
#include "kernels.h"

TEST_CASE("a removed barrier is a race, in every order of threads") {
  in_all_orders([] {
    const Buffer<float> source(ascending(64));
    Buffer<float> in(ascending(64)), out(64);
    launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), false);
    REQUIRE(out.read()[5] == 6);
    REQUIRE(out.read()[63] == 0);
    launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("kernel 'shift', block (0, 0, 0), thread (") &&
                                         Contains("= shared memory of 264 bytes + "));
  });
}

TEST_CASE("the message of a race names both accesses") {
  Buffer<float> in(ascending(64)), out(64);
  launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), true);
  // Forward: thread 0 reads what thread 1 has not written yet.
  CHECK_THROWS_WITH(synchronize(), Contains("thread (0, 0, 0): reads 4 bytes at 0x") &&
                                       Contains("shared memory of 264 bytes + 4: uninitialised"));
  cuda_on_host::set_schedule(Order::reverse);
  launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), true);
  CHECK_THROWS_WITH(synchronize(), Contains("thread (63, 0, 0)") && Contains("uninitialised"));
  cuda_on_host::set_schedule(Order::forward);
}

TEST_CASE("reading one element past a shared tile") {
  in_all_orders([] {
    Buffer<float> in(ascending(66)), out(64);
    launch({"stencil", 1, 64, 66 * 4}, stencil, in.data(), out.data(), false);
    REQUIRE(out.read()[1] == 1 + 2 + 3);
    launch({"stencil", 1, 64, 66 * 4}, stencil, in.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("shared memory of 264 bytes + 264, past its end") &&
                                         Contains("thread (63, 0, 0)"));
  });
}

TEST_CASE("an index past an array within a struct") {
  Buffer<float> in(ascending(66)), out(64);
  const size_t shared_bytes = size_t{2} * 66 * 4;
  launch({"stencil", 1, 64, shared_bytes}, stencil_with_neighbour, in.data(), out.data(), false);
  REQUIRE(out.read()[1] == 1 + 2 + 3);
  launch({"stencil", 1, 64, shared_bytes}, stencil_with_neighbour, in.data(), out.data(), true);
  CHECK_THROWS_WITH(synchronize(),
                    Contains("memory.cu:") && Contains("index 66 is past the bounds"));
}

TEST_CASE("a dropped boundary check") {
  in_all_orders([] {
    Buffer<float> in(ascending(100)), out(100);
    launch({"twice", 2, 64}, twice, in.data(), out.data(), 100, false);
    REQUIRE(out.read()[99] == 198);
    launch({"twice", 2, 64}, twice, in.data(), out.data(), 100, true);
    CHECK_THROWS_WITH(synchronize(), Contains("block (1, 0, 0)") &&
                                         Contains("device allocation of 400 bytes + ") &&
                                         Contains("past its end: not allocated"));
  });
}

TEST_CASE("more shared memory than the launch gave, or less") {
  Buffer<float> out(64);
  for (const size_t given : {100, 280}) {
    launch({"half", 1, 64, given}, half_written, out.data(), false);
    CHECK_THROWS_WITH(synchronize(),
                      Contains("asks for 264 bytes of shared memory, but the launch gave " +
                               std::to_string(given)));
  }
}

TEST_CASE("blocks adding into one address without an atomic") {
  in_all_orders([] {
    Buffer<unsigned> count(std::vector<unsigned>{0});
    launch({"count", 3, 40}, count_threads, count.data(), false);
    REQUIRE(count.read()[0] == 120);
    launch({"count", 3, 40}, count_threads, count.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("written by thread (0, 0, 0) of block (") &&
                                         Contains("of the same launch"));
  });
}

TEST_CASE("a plain read of what other blocks update") {
  in_all_orders([] {
    Buffer<unsigned> count(std::vector<unsigned>{0}), out(4);
    launch({"look", 4, 1}, count_and_look, count.data(), out.data(), false);
    REQUIRE(count.read()[0] == 4);
    launch({"look", 4, 1}, count_and_look, count.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("read") && Contains("atomically") &&
                                         Contains("of the same launch, and not by atomics alone"));
  });
}

TEST_CASE("uninitialised shared memory, also where the block before has written") {
  in_all_orders([] {
    Buffer<float> out(64);
    launch({"half", 2, 64, 66 * 4}, half_written, out.data(), false);
    CHECK_THROWS_WITH(synchronize(), Contains("of the same launch"));  // both blocks write out
    launch({"half", 1, 64, 66 * 4}, half_written, out.data(), false);
    REQUIRE(out.read()[63] == 1);
    launch({"half", 1, 64, 66 * 4}, half_written, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("shared memory") && Contains("uninitialised"));
  });
}

TEST_CASE("uninitialised device memory, by a kernel and by a copy") {
  Buffer<float> in(64), out(64);
  launch({"twice", 1, 64}, twice, in.data(), out.data(), 64, false);
  CHECK_THROWS_WITH(synchronize(), Contains("device allocation of 256 bytes + 0: uninitialised"));
  CHECK_THROWS_WITH(in.read(),
                    Contains("'cudaMemcpy': reads 256 bytes") && Contains("uninitialised"));
  cudaMemset(in.data(), 0, 64 * 4);
  launch({"twice", 1, 64}, twice, in.data(), out.data(), 64, false);
  REQUIRE(out.read() == std::vector<float>(64, 0.0f));
}

TEST_CASE("a misaligned float4, by a cast and by load4") {
  in_all_orders([] {
    Buffer<float> in(ascending(260)), out(256);
    launch({"cast", 1, 64}, copy_by_cast, in.data(), out.data(), false);
    REQUIRE(out.read() == ascending(256));
    launch({"cast", 1, 64}, copy_by_cast, in.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("float4") && Contains("misaligned (16 bytes)"));
    launch({"wide", 1, 64}, copy_wide, in.data(), out.data(), false);
    REQUIRE(out.read() == ascending(256));
    launch({"wide", 1, 64}, copy_wide, in.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("misaligned for 16 bytes"));
  });
}

TEST_CASE("bytes of one word may belong to different blocks, a byte may not") {
  in_all_orders([] {
    Buffer<unsigned char> out(9);
    launch({"bytes", 8, 2}, write_bytes, out.data(), false);
    synchronize();
    launch({"bytes", 8, 2}, write_bytes, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("writes 1 bytes") && Contains("of the same launch"));
  });
}

TEST_CASE("use after free, double free, and what was never allocated") {
  float* freed = nullptr;
  REQUIRE(cudaMalloc(&freed, 16) == cudaSuccess);
  REQUIRE(cudaFree(freed) == cudaSuccess);
  launch({"write", 1, 1}, write_float, freed);
  CHECK_THROWS_WITH(synchronize(), Contains("freed device allocation of 16 bytes + 0"));
  CHECK_THROWS_WITH(cudaFree(freed), Contains("freed already"));
  float local = 0;
  CHECK_THROWS_WITH(cudaFree(&local), Contains("did not allocate"));
  CHECK_THROWS_WITH(cudaFree(freed + 1), Contains("did not allocate"));
  CHECK(cudaFree(nullptr) == cudaSuccess);
}

TEST_CASE("host memory is out of reach, the program's constants are not") {
  Buffer<float> out(4);
  std::vector<float> heap(4, 1.0f);
  launch({"write", 1, 1}, write_float, heap.data());
  CHECK_THROWS_WITH(synchronize(), Contains("host memory, which a kernel cannot reach"));
  launch({"read", 1, 1}, read_float, static_cast<const float*>(heap.data()), out.data());
  CHECK_THROWS_WITH(synchronize(), Contains("reads 4 bytes") && Contains("host memory"));
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 16) == cudaSuccess);
  launch({"write", 1, 1}, write_float, pinned);
  CHECK_THROWS_WITH(synchronize(), Contains("pinned host allocation of 16 bytes + 0"));
  cudaFreeHost(pinned);
  launch({"constant", 1, 4}, read_constant, out.data());
  CHECK(out.read() == std::vector<float>{1, 2, 4, 8});
}

TEST_CASE("another thread's local variables are out of reach, and the own stack is bounded") {
  Buffer<float> out(2);
  launch({"pass", 1, 2, 8}, pass_local, out.data(), false);
  CHECK(out.read() == std::vector<float>{1, 1});
  launch({"pass", 1, 2, 8}, pass_local, out.data(), true);
  CHECK_THROWS_WITH(synchronize(), Contains("thread (1, 0, 0): writes 4 bytes"));
  Buffer<int> depth(1);
  launch({"recurse", 1, 1}, recurse, depth.data(), false);
  CHECK(depth.read()[0] == 10);
  launch({"recurse", 1, 1}, recurse, depth.data(), true);
  CHECK_THROWS_WITH(synchronize(), Contains("the stack of the thread is full"));
}

TEST_CASE("an int that overflows") {
  Buffer<int> out(std::vector<int>{1 << 15});
  launch({"multiply", 1, 1}, multiply, out.data(), false);
  CHECK(out.read()[0] == 1 << 30);
  launch({"multiply", 1, 1}, multiply, out.data(), true);
  CHECK_THROWS_WITH(synchronize(), Contains("a signed product overflows"));
}

TEST_CASE("limits of a launch") {
  Buffer<float> out(4);
  const auto start = [&](dim3 grid, dim3 block, size_t shared_bytes) {
    launch({"write", grid, block, shared_bytes}, write_float, out.data());
  };
  CHECK_THROWS_WITH(start({1, 65536}, 1, 0),
                    Contains("kernel 'write': grid (1, 65536, 1) exceeds"));
  CHECK_THROWS_WITH(start(0x80000000u, 1, 0), Contains("grid"));
  CHECK_THROWS_WITH(start({1, 1, 65536}, 1, 0), Contains("grid"));
  CHECK_THROWS_WITH(start(1, {64, 32}, 0), Contains("1024 threads"));
  CHECK_THROWS_WITH(start(1, {1, 1, 65}, 0), Contains("(1024, 1024, 64)"));
  CHECK_THROWS_WITH(start(0, 1, 0), Contains("empty grid"));
  CHECK_THROWS_WITH(start(1, 1, (227 << 10) + 1), Contains("232448 bytes"));
  start(1, 1, 227 << 10);
  synchronize();
}

TEST_CASE("nothing leaks, and a limit makes cudaMalloc fail") {
  const size_t before = cuda_on_host::live_allocations();
  {
    Buffer<float> one(4);
    CHECK(cuda_on_host::live_allocations() == before + 1);
    cuda_on_host::set_device_memory_limit(1000);
    void* more = nullptr;
    CHECK(cudaMalloc(&more, 985) == cudaErrorMemoryAllocation);
    CHECK(more == nullptr);
    CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
    CHECK(cudaGetLastError() == cudaSuccess);
    CHECK(cudaMalloc(&more, 984) == cudaSuccess);
    size_t free_bytes = 1, total_bytes = 0;
    cudaMemGetInfo(&free_bytes, &total_bytes);
    CHECK(free_bytes == 0);
    CHECK(total_bytes == 1000);
    cudaFree(more);
    cuda_on_host::set_device_memory_limit(~size_t{0});
  }
  CHECK(cuda_on_host::live_allocations() == before);
}
