// What NVIDIA's management library (NVML) tells of the GPU that runs a bench: its name, its clocks,
// and the energy that it has used. The library comes with the driver and is opened at run time, so
// that one build runs with and without it; where it is missing, there is a reason in place of
// numbers.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace trady::bench {

class GpuMeter {
 public:
  /// The first GPU that CUDA_VISIBLE_DEVICES lets a program see, by index or UUID; else number 0.
  explicit GpuMeter(const std::string& library = "libnvidia-ml.so.1");
  ~GpuMeter();
  GpuMeter(const GpuMeter&) = delete;
  GpuMeter& operator=(const GpuMeter&) = delete;

  /// Why there are no numbers; empty where there are.
  const std::string& unavailable() const { return unavailable_; }
  /// Joules that the GPU has used since its driver was loaded; absent where it does not count them.
  std::optional<double> energy_joules() const;
  /// {"name", "driver", "cuda_of_driver", "sm_clock_mhz", "memory_clock_mhz", "sm_clock_max_mhz",
  /// "memory_clock_max_mhz", "power_limit_watts"}, each null where NVML does not tell;
  /// or {"not_available": why}.
  nlohmann::json describe() const;

 private:
  struct Functions;
  std::unique_ptr<Functions> nvml_;  // null: unavailable
  std::string unavailable_;
};

/// {"joules_a_step", "watts", "steps"} of at least `seconds` of steps, or {"not_available": why}.
/// The counter moves in steps of up to 100 ms: measure seconds. `run_steps(n)` returns when n steps
/// are done.
nlohmann::json measure_energy(const GpuMeter& meter, double seconds,
                              const std::function<void(int)>& run_steps);

}  // namespace trady::bench
