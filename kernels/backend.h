// The contract between the engine and a device: every primitive of a training step.
//
// Scalars (activations, weights, gradients) are of the backend's dtype and travel as void*.
// All activations are NHWC and contiguous. No primitive allocates while it runs: what it needs is
// asked for beforehand (`scratch_bytes`, `prepared_weight_bytes`) and handed in, 64-byte aligned;
// where that is 0 bytes, the pointer may be null. Other pointers are null only where it says so.
// Inputs and outputs do not overlap unless it says so. Counts of elements may be 0.
// A prepared pass is immutable, so several workers may run it at once, each on buffers of its own.
// Errors: making a pass throws std::invalid_argument for a shape or count that makes no sense
// (kernels/shape_check.h), a mistake of the caller. Nothing that runs checks values: the engine has
// (labels, channel lists), and a device may assume it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kernels/image_transform.h"
#include "kernels/step_control.h"
#include "kernels/team.h"
#include "kernels/transfers.h"
#include "kernels/types.h"

namespace trady::kernels {

/// "Save in the forward epilogue": channels of y that a later layer's weight gradient needs, packed
/// while y is written. out[p][slot[o]] = y[p][o] for every output channel o with slot[o] >= 0.
struct PackedSave {
  const int32_t* slot = nullptr;  ///< [C'], column of `out` or -1; null: nothing is saved
  void* out = nullptr;            ///< [positions, count]
  int64_t count = 0;
};

/// y = activation(conv(x, w) + bias + residual).
class ConvForward {
 public:
  struct Buffers {
    const void* x = nullptr;         ///< [N, H, W, C]
    const void* w = nullptr;         ///< the plain weight, or its prepared copy if there is one
    const void* bias = nullptr;      ///< [C']
    const void* residual = nullptr;  ///< [N, H', W', C'], null for none; may be y itself
    void* y = nullptr;               ///< [N, H', W', C']
    uint8_t* mask = nullptr;         ///< bit set where the activation passes the gradient; or null
    void* scratch = nullptr;         ///< [scratch_bytes()], content undefined before and after
    PackedSave save = {};            ///< only where packs_output()
  };
  virtual ~ConvForward() = default;
  /// Whether `save` is carried out. Devices on the host do not: step_sizing.cpp counts on it.
  virtual bool packs_output() const { return false; }
  virtual int64_t scratch_bytes() const = 0;
  /// Size of the reordered weight copy that `run` wants in place of the plain weight; 0: none.
  virtual int64_t prepared_weight_bytes() const { return 0; }
  /// prepared: [prepared_weight_bytes()]. Not called where that is 0.
  virtual void prepare_weight(const void* /*w*/, void* /*prepared*/) const {}
  virtual void run(const Buffers& buffers) const = 0;
};

/// dx (=|+=) conv_transpose(dy, w), then dx[i] = mask bit i ? dx[i] : 0 where a mask is given.
class ConvGradInput {
 public:
  struct Buffers {
    const void* dy = nullptr;  ///< [N, H', W', C'], already multiplied by the activation's mask
    const void* w = nullptr;   ///< the plain weight, or its prepared copy if there is one
    void* dx = nullptr;        ///< [N, H, W, C]
    void* scratch = nullptr;   ///< [scratch_bytes()], content undefined before and after
    /// Of the activation that x came out of, [mask_bytes(in_elements)], or null; only where
    /// masks_gradient().
    const uint8_t* mask = nullptr;
  };
  virtual ~ConvGradInput() = default;
  /// Whether it applies a mask while it writes dx, which saves apply_mask a pass over it.
  virtual bool masks_gradient() const { return false; }
  virtual int64_t scratch_bytes() const = 0;
  /// As of ConvForward, whose copy may have another order.
  virtual int64_t prepared_weight_bytes() const { return 0; }
  virtual void prepare_weight(const void* /*w*/, void* /*prepared*/) const {}
  virtual void run(const Buffers& buffers, GradientMode mode) const = 0;
};

/// dw = the listed slices of the weight gradient, and nothing but them.
///   input_channels:  x is packed [N, H, W, count]; dw [C'][k][k][count], depthwise [count][k][k]
///   output_channels: x is whole  [N, H, W, C];     dw [count][k][k][C],  depthwise [count][k][k]
/// (depthwise: input and output channels are the same thing, and x is packed in both kinds.)
class ConvGradWeight {
 public:
  struct Buffers {
    const void* x = nullptr;   ///< packed or whole, as above
    const void* dy = nullptr;  ///< [N, H', W', C'], whole, already multiplied by the mask
    ChannelList channels;      ///< used where dy has to be gathered: depthwise, output channels
    void* dw = nullptr;        ///< packed as above, overwritten
    void* scratch = nullptr;   ///< [scratch_bytes()], content undefined before and after
  };
  virtual ~ConvGradWeight() = default;
  /// Fewer channels may need more: a device may compute short lists another way.
  virtual int64_t scratch_bytes() const = 0;
  virtual void run(const Buffers& buffers) const = 0;
};

/// Softmax cross-entropy of one micro-batch. Only dlogits may be null. Labels lie within
/// [0, classes): the engine refuses a batch where one does not, and devices rely on it.
struct CrossEntropyBuffers {
  const void* logits = nullptr;     ///< [N, classes]
  const int32_t* labels = nullptr;  ///< [N]
  void* dlogits = nullptr;          ///< [N, classes] = scale * (softmax - onehot); null: not wanted
  double* loss = nullptr;           ///< [N], the loss of every sample, unscaled; NaN if a logit is
  int32_t* predicted = nullptr;     ///< [N], index of the (first) largest logit; -1 if any is NaN
};

/// Losses and predictions of a batch, as cross_entropy wrote them.
struct BatchOutcome {
  const double* losses = nullptr;      ///< [count]
  const int32_t* predicted = nullptr;  ///< [count]
  const int32_t* labels = nullptr;     ///< [count]
  int64_t count = 0;
};

/// SGD on one layer's slices, in place. Weights outside of the slices are not touched.
struct SgdArgs {
  void* w = nullptr;         ///< whole weight, [C'][k][k][C] or depthwise [C][k][k]
  const void* dw = nullptr;  ///< packed as ConvGradWeight writes it
  SliceKind kind = SliceKind::input_channels;
  ChannelList channels;  ///< index null: all of them, in order
  const StepControl* control = nullptr;
  double weight_decay = 0;
  double momentum = 0;
  void* velocity = nullptr;  ///< as w; null without momentum
  /// [C'], or null: all 1. Multiplies the step of output channel o, see Backend::sgd.
  const void* row_scale = nullptr;
};

/// Batch-norm of z over all positions of a batch (docs/method.md section 6), with
/// xhat = (z - mean) / sqrt(variance + epsilon).
struct BatchNormBuffers {
  const void* z = nullptr;         ///< [positions, C]
  const void* mean = nullptr;      ///< [C], of the batch in training, else the running one
  const void* variance = nullptr;  ///< [C], biased, likewise
  const void* gamma = nullptr;     ///< [C]
  const void* beta = nullptr;      ///< [C]
  double epsilon = 0;
};

/// A batch's decoded images on their way to pixels.
struct ImageBuffers {
  const uint8_t* images = nullptr;             ///< image i begins at transforms[i].offset
  const ImageTransform* transforms = nullptr;  ///< [count]
  uint8_t* pixels = nullptr;                   ///< [count, size, size, 3], overwritten
  void* scratch = nullptr;  ///< [image_scratch_bytes()], content undefined before and after
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;  ///< "reference", "cpu", "cuda", "null"
  virtual std::string isa() const = 0;   ///< instruction set or architecture that bytes depend on
  virtual DType dtype() const = 0;

  /// Whether the host reads and writes the device's memory itself, and primitives are done when
  /// they return. Otherwise they run in the order of their calls, made by one thread at a time.
  virtual bool on_host() const { return true; }
  /// That share a primitive; of a device other than the CPU nobody counts them.
  virtual int threads() const { return 1; }
  /// Memory of the device, 64-byte aligned, content undefined; null for 0 bytes. All pointers that
  /// primitives are given lie in such memory, channel lists and results too, unless it says "host".
  /// Devices on the host (kernels/host_device.cpp) take any memory. Throws std::runtime_error or
  /// std::bad_alloc.
  virtual void* allocate(int64_t bytes) const;
  virtual void release(void* memory) const;
  /// Device memory that the backend holds for itself, for primitives without a scratch of their
  /// own.
  virtual int64_t workspace_bytes() const { return 0; }
  /// Copies between host and device, in the order of the calls of primitives; done on return.
  virtual void upload(const void* host, int64_t bytes, void* memory) const;
  virtual void download(const void* memory, int64_t bytes, void* host) const;
  /// Returns when all primitives called so far are done; throws std::runtime_error if one failed.
  virtual void synchronize() const;
  /// For a device beside the host; null on the host.
  virtual std::unique_ptr<Transfers> make_transfers(int slots, int64_t bytes_per_slot) const;
  /// Records the primitives that `work` calls, without running them; null, and `work` is not
  /// called, where the device runs them one by one. Whoever records calls each kernel once before.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) const;

  virtual std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                                    Activation activation) const = 0;
  virtual std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const = 0;
  /// `count` channels of `kind`; 0 <= count <= the layer's channels of that kind.
  virtual std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                           int64_t count) const = 0;

  /// out[p][j] = x[p][channels[j]].  x: [positions, channel_count], out: [positions, list.count]
  virtual void pack_channels(const void* x, int64_t positions, int64_t channel_count,
                             ChannelList channels, void* out) const = 0;
  /// dy[i] = mask bit i ? dy[i] : 0, in place.
  virtual void apply_mask(void* dy, const uint8_t* mask, int64_t elements) const = 0;
  /// db[o] = sum over positions of dy[p][o].  dy: [positions, channel_count]
  virtual void grad_bias(const void* dy, int64_t positions, int64_t channel_count,
                         void* db) const = 0;
  /// y[n][c] = mean over positions of x[n][p][c].  x: [batch, positions, channel_count],
  /// y: [batch, channel_count], positions >= 1
  virtual void mean_pool_forward(const void* x, int64_t batch, int64_t positions,
                                 int64_t channel_count, void* y) const = 0;
  /// dx[n][p][c] = dy[n][c] / positions, overwritten.  dy: [batch, channel_count],
  /// dx: [batch, positions, channel_count]
  virtual void mean_pool_backward(const void* dy, int64_t batch, int64_t positions,
                                  int64_t channel_count, void* dx) const = 0;
  /// y = the largest of each window; winner = its tap, kernel * row + column, the first of those
  /// that are equal. A NaN counts as larger than any number. winner: one byte an element of y, or
  /// null: not wanted.
  virtual void max_pool_forward(const MaxPoolShape& shape, const void* x, void* y,
                                uint8_t* winner) const = 0;
  /// dx = the sum of dy over the windows that an element won, overwritten.
  virtual void max_pool_backward(const MaxPoolShape& shape, const void* dy, const uint8_t* winner,
                                 void* dx) const = 0;
  /// y[n][i][j][first_c + c] = x[n][stride * i][stride * j][c], all other channels 0.
  virtual void shortcut_forward(const ShortcutShape& shape, const void* x, void* y) const = 0;
  /// dx (=|+=) the transpose of that applied to dy.
  virtual void shortcut_backward(const ShortcutShape& shape, const void* dy, void* dx,
                                 GradientMode mode) const = 0;

  /// mean[c] and the biased variance[c] of z over the positions, summed in double in a fixed order.
  /// z: [positions, channel_count], positions >= 1
  virtual void batch_statistics(const void* z, int64_t positions, int64_t channel_count, void* mean,
                                void* variance) const = 0;
  /// y = activation(gamma * xhat + beta + residual).  residual, y: [positions, channel_count];
  /// residual null for none, may be y; mask: as of ConvForward, or null
  virtual void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions,
                                  int64_t channel_count, Activation activation,
                                  const void* residual, void* y, uint8_t* mask) const = 0;
  /// dgamma[c] = sum of dy * xhat, dbeta[c] = sum of dy over the positions, in a fixed order.
  virtual void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const void* dy,
                                          int64_t positions, int64_t channel_count, void* dgamma,
                                          void* dbeta) const = 0;
  /// dz = gamma / sqrt(variance + epsilon) * (dy - dbeta / positions - xhat * dgamma / positions),
  /// where mean and variance are those of the batch. dz: overwritten; may be dy
  virtual void batch_norm_grad_input(const BatchNormBuffers& buffers, const void* dy,
                                     const void* dgamma, const void* dbeta, int64_t positions,
                                     int64_t channel_count, void* dz) const = 0;
  /// Nothing if control->updates is 0, else r = (1 - momentum) * r + momentum * value for both, of
  /// the variance its unbiased estimate: variance * positions / max(positions - 1, 1).
  virtual void update_statistics(const StepControl* control, const void* mean, const void* variance,
                                 int64_t positions, int64_t channel_count, double momentum,
                                 void* running_mean, void* running_variance) const = 0;

  /// logits: [batch, classes], classes >= 1
  virtual void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                             double scale) const = 0;
  /// x[p][c] = (pixels[p][c] / 255 - mean[c]) / std[c], from interleaved RGB bytes, rounded as
  /// kernels/normalization.h says.  pixels, x: [positions, 3]; mean, std: host, std[c] > 0
  virtual void normalize(const uint8_t* pixels, int64_t positions, const double mean[3],
                         const double std[3], void* x) const = 0;

  /// Whether transform_images is offered; hosts have engine/data/image_transform.h.
  virtual bool transforms_images() const { return false; }
  virtual int64_t image_scratch_bytes(int64_t /*count*/, int /*size*/) const { return 0; }
  /// pixels[i] = what transforms[i] makes of its image (kernels/image_transform.h), S = size, to
  /// the same bytes on every device.
  virtual void transform_images(const ImageBuffers& buffers, int64_t count, int size) const;

  /// out[i] += x[i]
  virtual void add(const void* x, int64_t elements, void* out) const = 0;
  /// out[i] = x[i]
  virtual void copy(const void* x, int64_t elements, void* out) const = 0;
  /// x[r][i] *= scale[rows[r]], i < columns.  x: [rows.count, columns]; index null: in order
  virtual void scale_rows(void* x, ChannelList rows, int64_t columns, const void* scale) const = 0;
  /// x[i] = 0
  virtual void zero(void* x, int64_t elements) const = 0;
  /// *sum += the sum of x[i]^2 in double, in a fixed order.
  virtual void add_squares(const void* x, int64_t elements, double* sum) const = 0;

  /// control: loss_sum and correct of the batch, in a fixed order; squared_norm = 0.
  virtual void summarize(const BatchOutcome& outcome, StepControl* control) const;
  /// Reads control's loss_sum and squared_norm (of all gradients) and decides, with
  /// norm = sqrt(squared_norm):
  ///   gradient_scale = clip_norm / (norm + 1e-6) if 0 < clip_norm < norm, else 1
  ///   *halted = 1 if loss_sum or norm is not finite, else what it was;  updates = !*halted
  virtual void judge(double clip_norm, StepControl* control, int32_t* halted) const;
  /// Nothing if control->updates is 0, else, for the elements of the slices,
  ///   g = gradient_scale * dw + weight_decay * w,  v = momentum * v + g  (v = g without momentum),
  ///   w -= learning_rate * row_scale[output channel] * v
  virtual void sgd(const ConvShape& shape, const SgdArgs& args) const = 0;
  /// norms[j] = L2 norm of slice j of a packed dw (docs/method.md section 1: n_c).
  virtual void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const void* dw,
                           double* norms) const = 0;
};

/// Plain loops in float32 or float64: the oracle of every test.
std::unique_ptr<Backend> make_reference_backend(DType dtype);
/// Executes shapes and allocations and no arithmetic.
std::unique_ptr<Backend> make_null_backend(DType dtype);
/// oneDNN and vectorised loops, float32. With a team, its threads share the images of every pass of
/// two or more, forward, backward to the input and through batch-norms; their number decides no
/// bit.
std::unique_ptr<Backend> make_cpu_backend(std::shared_ptr<const Team> team = nullptr);

}  // namespace trady::kernels
