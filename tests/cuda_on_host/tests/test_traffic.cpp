// Bytes that kernels touch: each once a launch, whatever the width and the number of accesses.
#include "fixture.h"
#include "kernels.h"

namespace {

/// Of the work that `body` enqueues.
template <typename Body>
cuda_on_host::Traffic traffic_of(Body body) {
  cuda_on_host::count_traffic(true);
  body();
  synchronize();
  cuda_on_host::count_traffic(false);
  return cuda_on_host::traffic();
}

}  // namespace

TEST_CASE("bytes that a kernel reads and writes often count once") {
  in_all_orders([] {
    Buffer<float> in(ascending(64 * 64)), out(2 * 64);
    const auto traffic = traffic_of([&] {
      launch({"sum_many", 2, 64}, sum_many, in.data(), out.data(), 200);
    });
    CHECK(traffic.bytes_read == 64 * 64 * 4);
    CHECK(traffic.bytes_written == 2 * 64 * 4);
  });
}

TEST_CASE("bytes count anew in every launch") {
  Buffer<float> in(ascending(100)), out(100);
  const auto traffic = traffic_of([&] {
    for (int i = 0; i < 3; ++i) launch({"twice", 2, 64}, twice, in.data(), out.data(), 100, false);
  });
  CHECK(traffic.bytes_read == 3 * 400);
  CHECK(traffic.bytes_written == 3 * 400);
}

TEST_CASE("what is updated in place counts as read and as written") {
  Buffer<float> values(ascending(100));
  Buffer<unsigned> count(std::vector<unsigned>{0});
  const auto traffic = traffic_of([&] {
    launch({"add", 2, 64}, add, values.data(), 1.0F, 100);
    launch({"count_threads", 4, 64}, count_threads, count.data(), false);
  });
  CHECK(traffic.bytes_read == 400 + 4);
  CHECK(traffic.bytes_written == 400 + 4);
}

TEST_CASE("single bytes, wide accesses and cp.async count by their bytes") {
  Buffer<unsigned char> bytes(8);
  Buffer<float> in(ascending(64)), out(64);
  const auto written = traffic_of([&] {
    launch({"write_bytes", 7, 2}, write_bytes, bytes.data(), false);
  });
  CHECK(written.bytes_read == 0);
  CHECK(written.bytes_written == 7);
  const auto wide = traffic_of([&] {
    launch({"copy_wide", 1, 16}, copy_wide, in.data(), out.data(), false);
  });
  CHECK(wide.bytes_read == 256);
  CHECK(wide.bytes_written == 256);
  Buffer<float> source(ascending(128)), copy(128);
  const auto asynchronous = traffic_of([&] {
    launch({"copy", 1, 32, 512}, copy_async, source.data(), copy.data(), false);
  });
  CHECK(asynchronous.bytes_read == 512);
  CHECK(asynchronous.bytes_written == 512);
}

TEST_CASE("copies, shared memory and what runs while nobody counts are not traffic") {
  Buffer<float> in(ascending(64)), out(64);
  launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), false);
  synchronize();
  const auto traffic = traffic_of([&] {
    launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), false);
    cudaMemset(out.data(), 0, 64 * 4);
    out.read();
  });
  CHECK(traffic.bytes_read == 256);
  CHECK(traffic.bytes_written == 256);
  launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), false);
  synchronize();
  CHECK(cuda_on_host::traffic().bytes_read == 256);
}
