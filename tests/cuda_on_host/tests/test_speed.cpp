// Not run by default (tag [.]): how many loads and stores of kernels are checked a second.
#include <chrono>
#include <cstdio>

#include "fixture.h"
#include "kernels.h"

TEST_CASE("checked accesses a second", "[.speed]") {
  Buffer<float> in(ascending(64 * 64)), out(64 * 64);
  const auto measured = [](const char* name, auto start) {
    const uint64_t before = cuda_on_host::checked_accesses();
    const auto begin = std::chrono::steady_clock::now();
    start();
    synchronize();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    const auto count = static_cast<double>(cuda_on_host::checked_accesses() - before);
    std::printf("%s: %.1f million a second\n", name, count / time.count() / 1e6);
  };
  measured("loads and stores of device memory", [&] {
    launch({"sum", 64, 64}, sum_many, in.data(), out.data(), 2000);
  });
  constexpr int kLaunches = 2000;
  measured("with a barrier after each load and store", [&] {
    for (int i = 0; i < kLaunches; ++i) {
      launch({"shift", 1, 64, 66 * 4}, shift, in.data(), out.data(), false);
    }
  });
}
