// How a kernel starts, and where it finds its shared memory.
#pragma once

#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda_on_host/runtime_api.h"
#include "cuda_on_host/vector_types.h"

/// The instrumentation of kernels leaves this function alone.
#define CUDA_ON_HOST_UNTRACKED __attribute__((no_sanitize("thread")))

namespace cuda_on_host {

struct LaunchSettings {
  const char* name = "";  ///< of the kernel, in messages
  dim3 grid, block;
  size_t shared_bytes = 0;
  cudaStream_t stream = nullptr;
};

/// A kernel with its arguments, as one thread calls it.
class KernelCall {
 public:
  virtual ~KernelCall() = default;
  virtual void run() const = 0;
};

template <typename... Parameters>
class BoundKernel final : public KernelCall {
 public:
  static_assert((std::is_trivially_copyable_v<Parameters> && ...),
                "arguments of a kernel are copied byte by byte");
  BoundKernel(void (*kernel)(Parameters...), const Parameters&... arguments)
      : kernel_(kernel), arguments_(arguments...) {}
  CUDA_ON_HOST_UNTRACKED void run() const override {
    call(std::index_sequence_for<Parameters...>{});
  }

 private:
  template <size_t... I>
  CUDA_ON_HOST_UNTRACKED void call(std::index_sequence<I...>) const {
    kernel_(std::get<I>(arguments_)...);
  }

  void (*kernel_)(Parameters...);
  std::tuple<Parameters...> arguments_;
};

/// Checks the limits of grid, block and shared memory and enqueues the call.
void enqueue_kernel(const LaunchSettings& settings, std::shared_ptr<const KernelCall> call);

/// kernel(arguments...) for every thread of the grid, on settings.stream. It runs when somebody
/// synchronises with the stream. Throws Violation beyond the limits.
template <typename... Parameters, typename... Arguments>
void launch(const LaunchSettings& settings, void (*kernel)(Parameters...), Arguments... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  enqueue_kernel(settings, std::make_shared<BoundKernel<std::remove_const_t<Parameters>...>>(
                               kernel, Parameters(arguments)...));
}

/// The block's dynamic shared memory, 16-byte aligned; the launch must have given just `bytes`.
void* shared_memory(size_t bytes);

}  // namespace cuda_on_host
