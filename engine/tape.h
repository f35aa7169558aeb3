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
  int64_t elements = 0;
};

struct Conv2dOptions {
  std::string name;
  int64_t out_channels = 0;
  int64_t kernel = 1, stride = 1;  ///< padding is (kernel - 1) / 2
  bool depthwise = false;
  kernels::Activation activation = kernels::Activation::none;
  TensorId residual = kNoTensor;  ///< added before the activation
};

/// What every pixel is normalised with: (p / 255 - mean) / std, channels R, G, B.
struct Normalization {
  std::array<double, 3> mean{0.5, 0.5, 0.5};
  std::array<double, 3> std{0.5, 0.5, 0.5};
  bool operator==(const Normalization&) const = default;
};

class Tape {
 public:
  Tape();
  ~Tape();
  Tape(Tape&&) noexcept;
  Tape& operator=(Tape&&) noexcept;

  // The builder's side: each call records one op and returns its output; shapes are per sample.
  // All throw Error on sizes that are not positive or beyond engine/limits.h, and on a parameter
  // name that the tape has already. Training wants an image first and a cross-entropy last.

  /// Bytes of an image to [size, size, 3].
  TensorId image(int64_t size, const Normalization& normalization);
  /// [H, W, C] to [H', W', out_channels], H' = (H + 2 * padding - kernel) / stride + 1, as a
  /// selectable convolution with the parameters NAME.weight and NAME.bias. Throws Error if a
  /// depthwise one changes the number of channels or the residual is not of the output's shape.
  TensorId conv2d(TensorId x, const Conv2dOptions& options);
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
  int64_t classes() const { return classes_; }
  int64_t image_size() const { return image_size_; }

 private:
  TensorId add_tensor(const std::string& op, TensorShape shape);
  ParameterId add_parameter(std::string name, std::vector<int64_t> disk_shape);

  std::vector<std::unique_ptr<Op>> ops_;
  std::vector<TensorShape> shapes_;
  std::vector<ParameterSpec> parameters_;
  std::vector<ConvLayer> convs_;
  int64_t classes_ = 0;
  int64_t image_size_ = 0;
};

}  // namespace trady
