// The CUDA device: kernels of our own for every primitive of a training step.
#pragma once

#include <memory>
#include <optional>

#include "kernels/backend.h"
#include "kernels/cuda/pass_choice.h"
#include "kernels/cuda/precision.h"

namespace trady::kernels::cuda {

struct CudaOptions {
  Precision precision = Precision::tf32;  ///< of the matrix products
  int device = 0;                         ///< as CUDA numbers the GPUs that it may see
  void* stream = nullptr;                 ///< a cudaStream_t of that GPU; null: one of its own
  /// For benches and tests: this implementation wherever it has the pass, ours elsewhere; otherwise
  /// measurements decide (kernels/cuda/pass_choice.h).
  std::optional<Implementation> only = std::nullopt;
};

/// All work runs on one stream, in the order of the calls; primitives return before it is done, and
/// `synchronize` or `download` report what failed (TRADY_SYNC=1 in the environment: at once, with
/// the names of the kernel and of what kernels/trace.h has as layer and pass). To be used by
/// the thread that made it, one GPU a thread.
class CudaBackend : public Backend {
 public:
  virtual void* stream() const = 0;  ///< cudaStream_t
};

/// Throws std::runtime_error that says what was asked for, what there is and what to do: without a
/// GPU, without a driver or with too old a one, on an unsupported architecture, out of memory, and
/// where trady was built without CUDA.
std::unique_ptr<CudaBackend> make_cuda_backend(const CudaOptions& options);

}  // namespace trady::kernels::cuda
