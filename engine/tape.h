// The tape: a network as the sequence of ops that run, recorded once by its builder and replayed
// forwards and backwards for every micro-batch.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/conv_layer.h"
#include "kernels/types.h"

namespace trady {

class Op;

/// Index of a tensor on the tape.
using TensorId = int;
constexpr TensorId kNoTensor = -1;

/// Per sample; NHWC once batched.
struct TensorShape {
  int64_t h = 1, w = 1, c = 1;
  int64_t positions() const { return h * w; }
  int64_t elements() const { return h * w * c; }
  bool operator==(const TensorShape&) const = default;
};

/// Index of a parameter on the tape.
using ParameterId = int;

struct ParameterSpec {
  std::string name;                 ///< as in the checkpoint, e.g. "blocks.3.expand.weight"
  std::vector<int64_t> disk_shape;  ///< OIHW, [out, in] or [n], as the source framework has it
  bool is_conv_weight = false;      ///< stored in memory as [O][kh][kw][I]
  bool is_derived = false;          ///< computed from others (engine/batch_norm.h), in no file
  int64_t elements = 0;
};

struct Conv2dOptions {
  std::string name;
  int64_t out_channels = 0;
  int64_t kernel = 1, stride = 1;  ///< padding is (kernel - 1) / 2
  bool depthwise = false;
  std::string batch_norm = {};  ///< name of the batch-norm behind it; empty: it has none
  double epsilon = 1e-5;        ///< of that batch-norm
  kernels::Activation activation = kernels::Activation::none;  ///< behind the batch-norm
  TensorId residual = kNoTensor;                               ///< added before the activation
};

/// What becomes of the batch-norms (docs/method.md section 6).
enum class BatchNormMode {
  folded,  ///< there are none in the file: they are part of weights and biases, which are trained
  frozen,  ///< statistics, gamma and beta stay as they are; the plain weight is trained
  train,   ///< statistics of the batch; gamma and beta are trained, running statistics follow
};

/// A batch-norm of frozen or train mode, and the convolution before it.
struct BatchNormLayer {
  std::string name;
  ParameterId weight = -1;  ///< of the convolution; frozen: in memory it is merged
  ParameterId gamma = -1, beta = -1, running_mean = -1, running_variance = -1;
  // Derived, in frozen mode only: s = gamma / sqrt(variance + epsilon), and beta - s * mean, which
  // is the bias of the merged convolution.
  ParameterId scale = -1, merged_bias = -1;
  double epsilon = 0;
};

/// What every pixel is normalised with: (p / 255 - mean) / std, channels R, G, B.
struct Normalization {
  std::array<double, 3> mean{0.5, 0.5, 0.5};
  std::array<double, 3> std{0.5, 0.5, 0.5};
  bool operator==(const Normalization&) const = default;
};

class Tape {
 public:
  explicit Tape(BatchNormMode batch_norm_mode = BatchNormMode::folded);
  ~Tape();
  Tape(Tape&&) noexcept;
  Tape& operator=(Tape&&) noexcept;

  // The builder's side: each call records one op and returns its output; shapes are per sample.
  // All throw Error on sizes that are not positive or beyond engine/limits.h, and on a parameter
  // name that the tape has already. Training wants an image first and a cross-entropy last.

  /// Bytes of an image to [size, size, 3].
  TensorId image(int64_t size, const Normalization& normalization);
  /// [H, W, C] to [H', W', out_channels], H' = (H + 2 * padding - kernel) / stride + 1, as a
  /// selectable convolution with the parameters NAME.weight and, where no batch-norm is behind it
  /// or that is folded, NAME.bias. A batch-norm has the parameters BATCH_NORM.weight (gamma),
  /// .bias (beta), .running_mean and .running_var. Throws Error if a depthwise one changes the
  /// number of channels or the residual is not of the output's shape.
  TensorId conv2d(TensorId x, const Conv2dOptions& options);
  /// [H, W, C] to [H', W', C] with H' as of conv2d, padding kernel / 2.
  TensorId max_pool(TensorId x, int64_t kernel, int64_t stride);
  /// [H, W, C] to [ceil(H / stride), ceil(W / stride), out_channels]: every stride-th pixel, its
  /// channels in the middle, zeros around them. Throws Error if that would be fewer channels.
  TensorId shortcut(TensorId x, int64_t stride, int64_t out_channels);
  /// [H, W, C] to [1, 1, C].
  TensorId mean_pool(TensorId x);
  /// [1, 1, C] to [1, 1, classes] with NAME.weight and NAME.bias: the classifier, always trained.
  /// Throws Error if x has more than one position.
  TensorId linear(TensorId x, const std::string& name, int64_t classes);
  /// The loss of logits [1, 1, classes].
  void cross_entropy(TensorId logits);

  // The engine's side.
  const std::vector<std::unique_ptr<Op>>& ops() const { return ops_; }
  const std::vector<ParameterSpec>& parameters() const { return parameters_; }
  const TensorShape& shape(TensorId id) const { return shapes_.at(static_cast<size_t>(id)); }
  size_t tensor_count() const { return shapes_.size(); }
  /// The selectable convolutions in forward order, with batch 1.
  const std::vector<ConvLayer>& convs() const { return convs_; }
  BatchNormMode batch_norm_mode() const { return batch_norm_mode_; }
  /// In forward order; none where they are folded.
  const std::vector<BatchNormLayer>& batch_norms() const { return batch_norms_; }
  /// Whether a training step has to take the whole batch through every layer at once.
  bool needs_whole_batch() const {
    return batch_norm_mode_ == BatchNormMode::train && !batch_norms_.empty();
  }
  int64_t classes() const { return classes_; }
  int64_t image_size() const { return image_size_; }
  /// Name of the linear layer: its parameters are HEAD.weight and HEAD.bias.
  const std::string& head() const { return head_; }

 private:
  TensorId add_tensor(const std::string& op, TensorShape shape);
  ParameterId add_parameter(std::string name, std::vector<int64_t> disk_shape);
  ParameterId add_derived(std::string name, int64_t elements);
  BatchNormLayer add_batch_norm(const Conv2dOptions& options, ParameterId weight);

  std::vector<std::unique_ptr<Op>> ops_;
  std::vector<TensorShape> shapes_;
  std::vector<ParameterSpec> parameters_;
  std::vector<ConvLayer> convs_;
  BatchNormMode batch_norm_mode_;
  std::vector<BatchNormLayer> batch_norms_;
  std::string head_;
  int64_t classes_ = 0;
  int64_t image_size_ = 0;
};

}  // namespace trady
