// Which implementation of a convolution pass a GPU runs: ours, cuBLAS or cuDNN. Ours, unless a
// committed measurement on the same architecture says that another is faster by more than 5 %.
//
// Measurements: bench/results/cuda_passes*.json, one file a GPU, built into the library:
//   {"gpu": {"name": "NVIDIA H100 80GB HBM3", "architecture": "sm_90"},
//    "passes": [
//      {"pass": "forward" | "grad_input" | "grad_weight",
//       "precision": "tf32" | "fp32",
//       "shape": {"batch": 128, "in_h": 16, "in_w": 16, "in_c": 96, "out_c": 16,
//                 "kernel": 1, "stride": 1, "padding": 0, "depthwise": false},
//       "slices": "input_channels" | "output_channels", "channels": 5,    (grad_weight alone)
//       "own_us": 12.3, "cublas_us": 10.1, "cudnn_us": null}]}
// Microseconds of one run, what follows a vendor's convolution included (conv_epilogue.h); null or
// absent where the implementation does not offer the pass. Other keys are left unread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/precision.h"
#include "kernels/types.h"

namespace trady::kernels::cuda {

enum class Implementation { own, cublas, cudnn };
enum class ConvPass { forward, grad_input, grad_weight };

struct PassQuery {
  ConvPass pass = ConvPass::forward;
  Precision precision = Precision::tf32;
  ConvShape shape;
  SliceKind kind = SliceKind::input_channels;  ///< of grad_weight
  int64_t count = 0;                           ///< of grad_weight: listed channels
};

struct PassTimes {
  PassQuery measured;
  double own_us = 0;
  std::optional<double> cublas_us, cudnn_us;
};

class PassChoice {
 public:
  PassChoice() = default;  ///< ours everywhere
  explicit PassChoice(std::vector<PassTimes> times) : times_(std::move(times)) {}

  /// By the measurement of the same pass, precision and layer, and for grad_weight of the same kind
  /// of slices, whose batch and count of channels are nearest. Nearness is a ratio, and each may be
  /// off by a factor of two: beyond that a kernel may be bound by something else. Of equally near
  /// ones the smaller batch, then the smaller count, decides. Without one: ours.
  Implementation choose(const PassQuery& query) const;
  /// Whether choose() answers so for any query: whether a library need be loaded.
  bool ever_chooses(Implementation implementation) const;

 private:
  std::vector<PassTimes> times_;
};

struct MeasurementFile {
  std::string name;
  std::string json;
};

/// The measurements of GPUs of `architecture` ("sm_90") among the files. Throws std::runtime_error
/// that names the file, and the entry, of what is not as above.
PassChoice read_pass_choice(const std::vector<MeasurementFile>& files,
                            const std::string& architecture);

/// Those that are built in (kernels/CMakeLists.txt).
std::vector<MeasurementFile> embedded_measurements();

}  // namespace trady::kernels::cuda
