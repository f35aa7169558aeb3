#include <catch2/catch.hpp>
#include <cstdlib>

#include "bench/common/gpu_energy.h"

namespace trady::bench {

namespace {

/// Sets an environment variable until the end of the scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("without NVML there is a reason in place of numbers") {
  const GpuMeter meter("libnvidia-ml-that-is-not-there.so.1");
  CHECK(meter.unavailable().find("libnvidia-ml-that-is-not-there.so.1") != std::string::npos);
  CHECK_FALSE(meter.energy_joules());
  CHECK(meter.describe().at("not_available") == meter.unavailable());

  int steps = 0;
  const nlohmann::json energy = measure_energy(meter, 1, [&](int n) { steps += n; });
  CHECK(energy.at("not_available") == meter.unavailable());
  CHECK(steps == 0);
}

TEST_CASE("a library that is not NVML is none") {
  const GpuMeter meter("libm.so.6");
  CHECK(meter.unavailable().find("lacks functions") != std::string::npos);
}

TEST_CASE("NVML without a driver: its own words") {
  const Environment refuses("FAKE_NVML_REFUSES", "1");
  const GpuMeter meter(TRADY_FAKE_NVML);
  CHECK(meter.unavailable() == "nvmlInit: Driver Not Loaded");
}

TEST_CASE("energy a step is the counter's growth over the steps") {
  const GpuMeter meter(TRADY_FAKE_NVML);
  REQUIRE(meter.unavailable().empty());
  int steps = 0;
  const nlohmann::json energy = measure_energy(meter, 0, [&](int n) { steps += n; });
  CHECK(energy.at("steps") == steps);
  CHECK(energy.at("joules_a_step").get<double>() == Approx(2.0 / steps));
  CHECK(energy.at("watts").get<double>() > 0);
}

TEST_CASE("a GPU is described with what NVML tells, and null for the rest") {
  const nlohmann::json gpu = GpuMeter(TRADY_FAKE_NVML).describe();
  CHECK(gpu.at("name") == "A GPU of the tests");
  CHECK(gpu.at("driver") == "580.1");
  CHECK(gpu.at("cuda_of_driver") == "13.2");
  CHECK(gpu.at("sm_clock_mhz") == 1980);
  CHECK(gpu.at("memory_clock_mhz") == 2619);
  CHECK(gpu.at("sm_clock_max_mhz").is_null());
  CHECK(gpu.at("power_limit_watts").is_null());
}

TEST_CASE("the GPU is the one that CUDA sees first") {
  {
    const Environment visible("CUDA_VISIBLE_DEVICES", "GPU-1234,0");
    CHECK(GpuMeter(TRADY_FAKE_NVML).unavailable().empty());
  }
  const Environment visible("CUDA_VISIBLE_DEVICES", "1");
  CHECK(GpuMeter(TRADY_FAKE_NVML).unavailable() == "GPU 1: Driver Not Loaded");
}

}  // namespace trady::bench
