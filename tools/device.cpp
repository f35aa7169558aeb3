#include "tools/device.h"

#include <charconv>
#include <cstdio>
#include <vector>

#include "engine/error.h"
#include "engine/suggest.h"
#include "kernels/cuda/cuda_backend.h"

namespace trady::tools {

namespace {

kernels::cuda::Precision parse_precision(const std::string& name) {
  if (name == "tf32") return kernels::cuda::Precision::tf32;
  if (name == "fp32") return kernels::cuda::Precision::fp32;
  const std::vector<std::string> known{"tf32", "fp32"};
  fail("--precision: there is no precision '", name, "'", suggestion(name, known), "; there are ",
       join(known));
}

/// N of "cuda:N"; "cuda" is the first.
int gpu_index(const std::string& device) {
  if (device == "cuda") return 0;
  const std::string digits = device.substr(std::string("cuda:").size());
  int index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc() || end != digits.data() + digits.size() || index < 0) {
    fail("--device ", device, ": '", digits,
         "' is not the number of a GPU; use cuda:0, cuda:1, ...");
  }
  return index;
}

std::unique_ptr<kernels::Backend> make_cuda(const std::string& device,
                                            const std::string& precision) {
  try {
    return kernels::cuda::make_cuda_backend(
        {.precision = parse_precision(precision), .device = gpu_index(device)});
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    fail(error.what());
  }
}

std::unique_ptr<kernels::Backend> make_best(const std::string& precision,
                                            const std::shared_ptr<const kernels::Team>& team) {
  try {
    auto cuda = make_cuda("cuda", precision);
    std::fprintf(stderr, "note: --device auto runs on the GPU: %s\n", cuda->isa().c_str());
    return cuda;
  } catch (const Error& error) {
    parse_precision(precision);  // a wrong one is no reason for the CPU
    std::fprintf(stderr, "note: --device auto runs on the CPU: %s\n", error.what());
  }
  return kernels::make_cpu_backend(team);
}

}  // namespace

std::string kind_of_device(const std::string& device) {
  return device.starts_with("cuda:") ? "cuda" : device;
}

bool may_be_gpu(const std::string& device) {
  return device == "auto" || device == "cuda" || device.starts_with("cuda:");
}

std::unique_ptr<kernels::Backend> make_backend(const std::string& device,
                                               const std::string& precision,
                                               const std::shared_ptr<const kernels::Team>& team) {
  parse_precision(precision);
  if (device == "cpu") return kernels::make_cpu_backend(team);
  if (device == "auto") return make_best(precision, team);
  if (may_be_gpu(device)) return make_cuda(device, precision);
  if (device == "reference") return kernels::make_reference_backend(kernels::DType::float64);
  if (device == "null") return kernels::make_null_backend(kernels::DType::float32);
  const std::vector<std::string> known{"cpu", "cuda", "auto", "reference", "null"};
  fail("--device: there is no device '", device, "'", suggestion(device, known), "; there are ",
       join(known));
}

}  // namespace trady::tools
