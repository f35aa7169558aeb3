// Convolution passes of NVIDIA's libraries as alternatives to our own kernels, and who runs which.
// All that knows cuBLAS is cublas_passes.cu with cublas_matmul.cuh, all that knows cuDNN
// cudnn_passes.cu with cudnn_graph.cuh; where one is missing from a build, without_cublas.cpp or
// without_cudnn.cpp takes its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kernels/backend.h"
#include "kernels/cuda/pass_choice.h"

namespace trady::kernels::cuda {

/// One library with one handle, on one stream. Passes are deterministic, allocate no device memory
/// while they run, and may be captured into a graph. They are used while their maker lives.
class VendorPasses {
 public:
  virtual ~VendorPasses() = default;
  virtual std::string version() const = 0;  ///< "cuBLAS 13.0.2"

  // As of Backend; null where the library has no such pass.
  virtual std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                                    Activation activation) const = 0;
  virtual std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const = 0;
  virtual std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                           int64_t count) const = 0;
};

/// The libraries that one backend makes use of. Those that no measurement chooses are not loaded.
class Vendors {
 public:
  struct Settings {
    Precision precision = Precision::tf32;
    std::string architecture;            ///< "sm_90"
    std::optional<Implementation> only;  ///< in place of measurements; ours where it has no pass
    void* stream = nullptr;              ///< cudaStream_t
  };
  explicit Vendors(const Settings& settings);

  /// Null: kernels of our own.
  const VendorPasses* chosen(const PassQuery& query) const;
  /// ", cuBLAS 13.0.2" for each library that is loaded: results depend on it.
  std::string versions() const;

 private:
  std::optional<Implementation> only_;
  PassChoice choice_;
  std::unique_ptr<VendorPasses> cublas_, cudnn_;
};

/// "cuBLAS 13.0.2" of ("cuBLAS", 130002).
std::string library_version(const std::string& library, size_t version);

/// Throws std::runtime_error: the labels that are open, library, what was done, why it failed, and
/// the option to build without it.
[[noreturn]] void throw_library_error(const std::string& library, const std::string& what,
                                      const std::string& why, const std::string& option);

enum class FinishedBy { library, us };
/// Bytes that a forward pass moves (kernels/cuda/traffic.h), with the sums stored and read again
/// where conv_epilogue.h finishes them. What a library moves in its workspace is not known.
int64_t vendor_forward_bytes(const ConvShape& shape, const ConvForward::Buffers& buffers,
                             FinishedBy finished_by);

/// What an algorithm may ask for as workspace: NVIDIA's advice for cuBLAS on Hopper. Scratch has
/// what it does ask for, and no more.
constexpr int64_t kMostWorkspaceBytes = int64_t{32} << 20;
/// NVIDIA's libraries want their workspace aligned to 256 bytes; scratch is to 64.
constexpr int64_t kWorkspaceAlignment = 256;

/// Scratch for a workspace behind `before` bytes of other use.
inline int64_t scratch_with_workspace(int64_t before, int64_t workspace_bytes) {
  return workspace_bytes == 0 ? before : before + kWorkspaceAlignment + workspace_bytes;
}
inline void* workspace_in(void* scratch, int64_t before) {
  char* const start = static_cast<char*>(scratch) + before;
  const auto past =
      static_cast<int64_t>(reinterpret_cast<uintptr_t>(start) % uint64_t{kWorkspaceAlignment});
  return past == 0 ? start : start + (kWorkspaceAlignment - past);
}

}  // namespace trady::kernels::cuda
