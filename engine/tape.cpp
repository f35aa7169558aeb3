#include "engine/tape.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/limits.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/image.h"
#include "engine/ops/max_pool.h"
#include "engine/ops/mean_pool.h"
#include "engine/ops/shortcut.h"
#include "engine/safetensors_header.h"

namespace trady {

Tape::Tape(BatchNormMode batch_norm_mode) : batch_norm_mode_(batch_norm_mode) {}
Tape::~Tape() = default;
Tape::Tape(Tape&&) noexcept = default;
Tape& Tape::operator=(Tape&&) noexcept = default;

namespace {

/// The product of the sizes; fails unless they are positive and it stays within kMaxTensorElements.
int64_t checked_elements(const std::string& what, const std::vector<int64_t>& sizes) {
  int64_t elements = 1;
  for (const int64_t size : sizes) {
    if (size < 1) fail(what, " would have a side of ", size, "; sizes must be positive");
    if (size > kMaxTensorElements / elements) {
      fail(what, " of ", shape_text(sizes), " would have more than the ", kMaxTensorElements,
           " elements that are supported; is a size wrong?");
    }
    elements *= size;
  }
  return elements;
}

}  // namespace

TensorId Tape::add_tensor(const std::string& op, TensorShape shape) {
  checked_elements(concat("[tape] the output of ", op), {shape.h, shape.w, shape.c});
  shapes_.push_back(shape);
  return static_cast<TensorId>(shapes_.size()) - 1;
}

ParameterId Tape::add_parameter(std::string name, std::vector<int64_t> disk_shape) {
  if (std::ranges::find(parameters_, name, &ParameterSpec::name) != parameters_.end()) {
    fail("[tape] there is a parameter ", name, " already; layers need names of their own");
  }
  ParameterSpec spec;
  spec.elements = checked_elements(concat("[tape] the parameter ", name), disk_shape);
  spec.name = std::move(name);
  spec.is_conv_weight = disk_shape.size() == 4;
  spec.disk_shape = std::move(disk_shape);
  parameters_.push_back(std::move(spec));
  return static_cast<ParameterId>(parameters_.size()) - 1;
}

ParameterId Tape::add_derived(std::string name, int64_t elements) {
  const ParameterId id = add_parameter(std::move(name), {elements});
  parameters_.back().is_derived = true;
  return id;
}

BatchNormLayer Tape::add_batch_norm(const Conv2dOptions& options, ParameterId weight) {
  if (!(options.epsilon > 0)) {
    fail("[conv2d] ", options.batch_norm, ": epsilon must be positive, got ", options.epsilon);
  }
  const int64_t channels = options.out_channels;
  BatchNormLayer layer;
  layer.name = options.batch_norm;
  layer.weight = weight;
  layer.epsilon = options.epsilon;
  layer.gamma = add_parameter(layer.name + ".weight", {channels});
  layer.beta = add_parameter(layer.name + ".bias", {channels});
  layer.running_mean = add_parameter(layer.name + ".running_mean", {channels});
  layer.running_variance = add_parameter(layer.name + ".running_var", {channels});
  if (batch_norm_mode_ == BatchNormMode::frozen) {
    layer.scale = add_derived(layer.name + ".scale", channels);
    layer.merged_bias = add_derived(layer.name + ".merged_bias", channels);
  }
  batch_norms_.push_back(layer);
  return layer;
}

TensorId Tape::image(int64_t size, const Normalization& normalization) {
  if (size < 1 || size > kMaxImageSize) {
    fail("[image] the image size must be 1 to ", kMaxImageSize, ", got ", size);
  }
  image_size_ = size;
  const TensorId x = add_tensor("image", {size, size, 3});
  ops_.push_back(std::make_unique<ImageOp>(x, normalization));
  return x;
}

TensorId Tape::conv2d(TensorId x, const Conv2dOptions& options) {
  const TensorShape in = shape(x);
  if (options.kernel < 1 || options.stride < 1) {
    fail("[conv2d] ", options.name, ": kernel and stride must be positive, got ", options.kernel,
         " and ", options.stride);
  }
  Conv2dOp::Geometry geometry;
  kernels::ConvShape& s = geometry.shape;
  s = {1,
       in.h,
       in.w,
       in.c,
       options.out_channels,
       options.kernel,
       options.stride,
       (options.kernel - 1) / 2,
       options.depthwise};
  if (options.depthwise && s.in_c != s.out_c) {
    fail("[conv2d] ", options.name,
         ": a depthwise convolution has as many output as input channels,"
         " got ",
         s.in_c, " and ", s.out_c);
  }
  const TensorShape out{s.out_h(), s.out_w(), s.out_c};
  if (options.residual != kNoTensor && shape(options.residual) != out) {
    const TensorShape r = shape(options.residual);
    fail("[conv2d] ", options.name, ": the residual is ", r.h, "x", r.w, "x", r.c, ", the output ",
         out.h, "x", out.w, "x", out.c);
  }
  const int64_t in_per_group = options.depthwise ? 1 : s.in_c;
  geometry.weight = add_parameter(options.name + ".weight",
                                  {s.out_c, in_per_group, options.kernel, options.kernel});
  geometry.conv_index = static_cast<int>(convs_.size());
  convs_.push_back({geometry.conv_index, options.name, s,
                    options.activation != kernels::Activation::none,
                    options.residual != kNoTensor});
  const bool has_batch_norm =
      !options.batch_norm.empty() && batch_norm_mode_ != BatchNormMode::folded;
  if (!has_batch_norm) {
    geometry.bias = add_parameter(options.name + ".bias", {s.out_c});
  } else {
    const BatchNormLayer layer = add_batch_norm(options, geometry.weight);
    if (batch_norm_mode_ == BatchNormMode::train) {
      const TensorId z = add_tensor(options.name, out);
      ops_.push_back(std::make_unique<Conv2dOp>(options.name, x, z, geometry));
      const TensorId y = add_tensor(layer.name, out);
      ops_.push_back(
          std::make_unique<BatchNormOp>(layer, z, y, options.activation, options.residual));
      return y;
    }
    geometry.bias = layer.merged_bias;
    geometry.scale = layer.scale;
  }
  geometry.activation = options.activation;
  geometry.residual = options.residual;
  const TensorId y = add_tensor(options.name, out);
  ops_.push_back(std::make_unique<Conv2dOp>(options.name, x, y, geometry));
  return y;
}

TensorId Tape::max_pool(TensorId x, int64_t kernel, int64_t stride) {
  constexpr int64_t kWidest = kernels::MaxPoolShape::kWidestWindow;
  const TensorShape in = shape(x);
  kernels::MaxPoolShape pool{1, in.h, in.w, in.c, kernel, stride, kernel / 2};
  if (kernel < 1 || stride < 1 || kernel > kWidest) {
    fail("[max_pool] the window must be 1 to ", kWidest, " wide and the stride positive, got ",
         kernel, " and ", stride);
  }
  const TensorId y = add_tensor("max_pool", {pool.out_h(), pool.out_w(), in.c});
  ops_.push_back(std::make_unique<MaxPoolOp>(x, y, pool));
  return y;
}

TensorId Tape::shortcut(TensorId x, int64_t stride, int64_t out_channels) {
  const TensorShape in = shape(x);
  if (stride < 1 || out_channels < in.c) {
    fail("[shortcut] expected a positive stride and at least the input's ", in.c, " channels, got ",
         stride, " and ", out_channels);
  }
  const kernels::ShortcutShape form{
      1, in.h, in.w, in.c, stride, out_channels, (out_channels - in.c) / 2};
  const TensorId y = add_tensor("shortcut", {form.out_h(), form.out_w(), out_channels});
  ops_.push_back(std::make_unique<ShortcutOp>(x, y, form));
  return y;
}

TensorId Tape::mean_pool(TensorId x) {
  const TensorId y = add_tensor("mean_pool", {1, 1, shape(x).c});
  ops_.push_back(std::make_unique<MeanPoolOp>(x, y));
  return y;
}

TensorId Tape::linear(TensorId x, const std::string& name, int64_t classes) {
  const TensorShape in = shape(x);
  if (in.positions() != 1) {
    fail("[linear] ", name, ": expected a pooled 1x1 input, got ", in.h, "x", in.w);
  }
  if (classes < 1) fail("[linear] ", name, ": there must be at least one class, got ", classes);
  Conv2dOp::Geometry geometry;
  geometry.shape.in_c = in.c;
  geometry.shape.out_c = classes;
  geometry.weight = add_parameter(name + ".weight", {classes, in.c});
  geometry.bias = add_parameter(name + ".bias", {classes});
  classes_ = classes;
  head_ = name;
  const TensorId y = add_tensor(name, {1, 1, classes});
  ops_.push_back(std::make_unique<Conv2dOp>(name, x, y, geometry));
  return y;
}

void Tape::cross_entropy(TensorId logits) {
  ops_.push_back(std::make_unique<CrossEntropyOp>(logits));
}

}  // namespace trady
