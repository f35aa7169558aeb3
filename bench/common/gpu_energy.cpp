#include "bench/common/gpu_energy.h"

#include <dlfcn.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace trady::bench {

namespace {

// The part of nvml.h that is used here; its functions keep their meaning under these names.
using Status = int;  // 0: success
using Device = struct nvmlDevice_st*;
constexpr Status kSuccess = 0;
constexpr int kSmClock = 1, kMemoryClock = 2;
constexpr unsigned kTextLength = 96;

using Text = std::array<char, kTextLength>;

/// An index, a UUID (GPU-..., MIG-...), or 0.
std::string first_visible_gpu() {
  const char* listed = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string_view list = listed == nullptr ? "" : listed;
  const std::string_view first = list.substr(0, list.find(','));
  return first.empty() ? "0" : std::string(first);
}

bool is_index(const std::string& gpu) {
  return gpu.size() < 5 && gpu.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

struct GpuMeter::Functions {
  explicit Functions(void* opened) : library(opened) {}
  Functions(const Functions&) = delete;
  Functions& operator=(const Functions&) = delete;
  ~Functions() {
    if (device != nullptr && shutdown != nullptr) shutdown();
    dlclose(library);
  }

  template <typename Function>
  bool find(Function*& function, const char* symbol) {
    function = reinterpret_cast<Function*>(dlsym(library, symbol));
    return function != nullptr;
  }

  /// Why it cannot be used, or nothing.
  std::string start() {
    Status (*init)() = nullptr;
    Status (*by_index)(unsigned, Device*) = nullptr;
    Status (*by_uuid)(const char*, Device*) = nullptr;
    if (!find(init, "nvmlInit_v2") || !find(shutdown, "nvmlShutdown") ||
        !find(by_index, "nvmlDeviceGetHandleByIndex_v2") ||
        !find(by_uuid, "nvmlDeviceGetHandleByUUID")) {
      return "this version of NVML lacks functions of 2012";
    }
    find(error_string, "nvmlErrorString");
    find(driver_version, "nvmlSystemGetDriverVersion");
    find(cuda_version, "nvmlSystemGetCudaDriverVersion_v2");
    find(name, "nvmlDeviceGetName");
    find(energy, "nvmlDeviceGetTotalEnergyConsumption");
    find(clock, "nvmlDeviceGetClockInfo");
    find(max_clock, "nvmlDeviceGetMaxClockInfo");
    find(power_limit, "nvmlDeviceGetPowerManagementLimit");

    if (const Status status = init(); status != kSuccess) return "nvmlInit: " + text_of(status);
    const std::string gpu = first_visible_gpu();
    Device found = nullptr;
    const Status status = is_index(gpu) ? by_index(static_cast<unsigned>(std::stoul(gpu)), &found)
                                        : by_uuid(gpu.c_str(), &found);
    if (status != kSuccess) {
      shutdown();
      return "GPU " + gpu + ": " + text_of(status);
    }
    device = found;
    return "";
  }

  std::string text_of(Status status) const {
    return error_string ? error_string(status) : "error " + std::to_string(status);
  }

  nlohmann::json clock_mhz(Status (*get)(Device, int, unsigned*), int type) const {
    unsigned mhz = 0;
    return get && get(device, type, &mhz) == kSuccess ? nlohmann::json(mhz) : nlohmann::json();
  }

  void* library;
  Device device = nullptr;
  Status (*shutdown)() = nullptr;
  const char* (*error_string)(Status) = nullptr;
  Status (*driver_version)(char*, unsigned) = nullptr;
  Status (*cuda_version)(int*) = nullptr;
  Status (*name)(Device, char*, unsigned) = nullptr;
  Status (*energy)(Device, unsigned long long*) = nullptr;  // millijoules
  Status (*clock)(Device, int, unsigned*) = nullptr;
  Status (*max_clock)(Device, int, unsigned*) = nullptr;
  Status (*power_limit)(Device, unsigned*) = nullptr;  // milliwatts
};

GpuMeter::GpuMeter(const std::string& library) {
  void* opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) {
    const char* why = dlerror();
    unavailable_ = why != nullptr ? why : "there is no " + library;
    return;
  }
  nvml_ = std::make_unique<Functions>(opened);
  unavailable_ = nvml_->start();
  if (!unavailable_.empty()) nvml_.reset();
}

GpuMeter::~GpuMeter() = default;

std::optional<double> GpuMeter::energy_joules() const {
  unsigned long long millijoules = 0;
  if (!nvml_ || !nvml_->energy || nvml_->energy(nvml_->device, &millijoules) != kSuccess) {
    return std::nullopt;
  }
  return static_cast<double>(millijoules) / 1000;
}

nlohmann::json GpuMeter::describe() const {
  if (!nvml_) return {{"not_available", unavailable_}};
  nlohmann::json described{{"name", nullptr},
                           {"driver", nullptr},
                           {"cuda_of_driver", nullptr},
                           {"power_limit_watts", nullptr}};
  Text text{};
  if (nvml_->name && nvml_->name(nvml_->device, text.data(), kTextLength) == kSuccess) {
    described["name"] = text.data();
  }
  if (nvml_->driver_version && nvml_->driver_version(text.data(), kTextLength) == kSuccess) {
    described["driver"] = text.data();
  }
  int version = 0;  // 13020 is 13.2
  if (nvml_->cuda_version && nvml_->cuda_version(&version) == kSuccess) {
    described["cuda_of_driver"] =
        std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  }
  unsigned milliwatts = 0;
  if (nvml_->power_limit && nvml_->power_limit(nvml_->device, &milliwatts) == kSuccess) {
    described["power_limit_watts"] = milliwatts / 1000;
  }
  described["sm_clock_mhz"] = nvml_->clock_mhz(nvml_->clock, kSmClock);
  described["memory_clock_mhz"] = nvml_->clock_mhz(nvml_->clock, kMemoryClock);
  described["sm_clock_max_mhz"] = nvml_->clock_mhz(nvml_->max_clock, kSmClock);
  described["memory_clock_max_mhz"] = nvml_->clock_mhz(nvml_->max_clock, kMemoryClock);
  return described;
}

nlohmann::json measure_energy(const GpuMeter& meter, double seconds,
                              const std::function<void(int)>& run_steps) {
  using Clock = std::chrono::steady_clock;
  constexpr int kStepsAtOnce = 20;
  const std::optional<double> before = meter.energy_joules();
  if (!before) {
    const std::string& why = meter.unavailable();
    return {{"not_available", why.empty() ? "this GPU does not count its energy" : why}};
  }
  const auto started = Clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - started).count(); };
  int steps = 0;
  while (steps == 0 || passed() < seconds) {
    run_steps(kStepsAtOnce);
    steps += kStepsAtOnce;
  }
  const double took = passed();
  const std::optional<double> after = meter.energy_joules();
  if (!after) return {{"not_available", "the GPU stopped counting its energy"}};
  return {{"joules_a_step", (*after - *before) / steps},
          {"watts", (*after - *before) / took},
          {"steps", steps}};
}

}  // namespace trady::bench
