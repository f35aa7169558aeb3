// What an op may ask for while a step is planned: buffers with a life, gradients, kernels.
//
// The planner walks the tape forwards, then backwards. It owns the rules that ops share: which
// tensors need a gradient, when two tensors may use one buffer, who writes a gradient first.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/memory/memory_plan.h"
#include "engine/ops/op.h"
#include "engine/step/kernel_cache.h"
#include "engine/tape.h"
#include "kernels/backend.h"

namespace trady {

/// Which reordered weight copies stay in memory; the others are made again before every use.
struct WeightResidency {
  bool forward = true;
  bool grad_input = true;
  bool operator==(const WeightResidency&) const = default;
};

struct StepSettings {
  int64_t batch = 1;        ///< samples of a full batch: the loss is their mean
  int64_t micro_batch = 1;  ///< samples that one worker takes through the network at a time
  bool training = true;     ///< false: forward only
  WeightResidency residency = {};
  /// Bytes that the steps may reserve, weights and all workers included; absent: any.
  std::optional<int64_t> memory_limit = std::nullopt;
  bool logits = false;  ///< whether evaluation gives the logits
  /// Whether forward computes the statistics of what batch-norms read, while it normalises with the
  /// running ones (engine/calibration.h).
  bool observes_statistics = false;
  bool decoded_images = false;  ///< whether batches come decoded, for the device to transform
  /// Batches under way at once, on a device beside the host: one is copied while one runs.
  int batches_in_flight = 1;
};

/// The sum over the batch of one parameter's (packed) gradient.
struct GradientSlot {
  ParameterId parameter = -1;
  kernels::ConvShape shape;  ///< batch 1
  kernels::SliceKind kind = kernels::SliceKind::input_channels;
  std::vector<int32_t> channels;
  BufferId channel_list;  ///< the same in the shared plan; invalid: all, in order
  bool is_bias = false;
  int conv_index = -1;  ///< -1: the classifier, or a batch-norm
  /// Of a frozen batch-norm that is merged into the weight, whose gradient this is until it has
  /// been multiplied by it; -1: none.
  ParameterId row_scale = -1;
  int64_t elements = 0;
  BufferId sum;  ///< in the shared plan
};

/// Values that the host writes once for a selection.
struct SelectionData {
  std::vector<int32_t> values;
  BufferId buffer;  ///< in the shared plan
};

/// Mean and variance that a batch-norm computes of each training batch, and the running ones that
/// follow them when the batch's update is made.
struct BatchStatistics {
  const BatchNormLayer* layer = nullptr;
  BufferId mean, variance;  ///< in the shared plan, [channels]
  int64_t positions = 0;    ///< that they are taken over
  int64_t channels = 0;
};

/// Where a layer's packed gradient of one micro-batch goes.
struct GradientTarget {
  int slot = -1;
  BufferId temporary;  ///< in the lane's plan; invalid: the batch's sum itself, of which it is all
};

/// A reordered weight copy that is kept between uses.
struct ResidentWeight {
  ParameterId parameter = -1;
  std::shared_ptr<const kernels::ConvForward> forward;  ///< exactly one of the two is set
  std::shared_ptr<const kernels::ConvGradInput> grad_input;
  BufferId copy;  ///< in the shared plan
};

/// How a pass gets at its weight: the plain one, a resident copy or one made on the spot.
struct WeightAccess {
  ParameterId parameter = -1;
  BufferId resident;   ///< in the shared plan
  BufferId temporary;  ///< in the lane's plan
};

/// All ids are of `tape`. What an op declares wrongly (a tensor that no op before it writes, a
/// gradient that no op after it computes, a buffer that it has not got) throws Error with its name:
/// a bug of that op or of the network's builder.
class StepPlanner {
 public:
  /// Throws Error if the output of an op is read by none.
  StepPlanner(const Tape& tape, const UpdatePlan& update, const kernels::Backend& backend,
              KernelCache& kernels, const StepSettings& settings);

  const Tape& tape() const { return tape_; }
  const kernels::Backend& backend() const { return backend_; }
  KernelCache& kernels() { return kernels_; }
  int64_t batch() const { return settings_.batch; }
  int64_t micro_batch() const { return settings_.micro_batch; }
  bool observes_statistics() const { return settings_.observes_statistics; }
  int64_t scalar_bytes() const { return kernels::bytes_of(backend_.dtype()); }
  const UpdatePlan& update() const { return update_; }

  // The walk.
  void enter_forward(int op_index);
  void enter_backward(int op_index);

  // Forward.
  /// The buffer [m, H, W, C] of an input, which lives on at least until now.
  BufferId read(TensorId id);
  /// A buffer [m, H, W, C] for the current op's output, which it has to fill.
  BufferId write(TensorId id);
  /// The output may be computed in the buffer of `over` (an input of the same shape) if nobody
  /// needs that afterwards; otherwise it gets a buffer of its own.
  BufferId write_over(TensorId id, TensorId over);
  /// Channels of a tensor, kept for backward (see keep). Ops that save channels of one tensor share
  /// a buffer where that holds less than one for each, so that it may hold more than was asked for.
  struct Saved {
    BufferId buffer;              ///< [m, H, W, held]
    std::vector<int32_t> held;    ///< channels that it holds
    std::vector<int32_t> places;  ///< of the channels that were asked for; empty: it holds those
    bool first = false;           ///< whether the op that asks has to fill it
  };
  Saved save_channels(TensorId id, const std::vector<int32_t>& channels);
  /// For the op that writes a tensor and can pack channels of it on the way: what a later op will
  /// save_channels(), which finds it done then; nothing if none will.
  struct PackedOutput {
    BufferId buffer;  ///< [m, H, W, count]
    BufferId slots;   ///< in the shared plan, int32 [C]: as kernels::PackedSave has it
    int64_t count = 0;
  };
  std::optional<PackedOutput> pack_output(TensorId id);

  // Both directions.
  /// Scratch of the current op in the current direction. 0 bytes: an invalid id, whose address is
  /// null when the step runs.
  BufferId temporary(const std::string& name, MemoryCategory category, int64_t bytes);
  /// Keeps a buffer alive at the current time.
  void keep(BufferId id);
  /// A buffer that lives from now on until it is kept again later.
  BufferId buffer_from_now(const std::string& name, MemoryCategory category, int64_t bytes);

  /// The mask that the gradient of the current op's output is to be multiplied by, which the op
  /// fills; invalid where there is no activation or no gradient.
  BufferId make_mask(TensorId id, kernels::Activation activation);

  // Backward.
  /// For an op that can multiply while it writes the gradient of its input: the input's mask, if
  /// there is one and nobody else writes to that gradient. Invalid: nothing is to be done.
  BufferId take_mask(TensorId id);
  /// The mask of the current op's output, where nobody has taken it: the op has to apply it.
  BufferId untaken_mask(TensorId id);
  bool needs_gradient(TensorId id) const { return needs_gradient_[static_cast<size_t>(id)]; }
  /// The gradient [m, H, W, C] of the current op's output.
  BufferId gradient(TensorId id);
  /// Where to put a gradient of an input, and whether somebody has already.
  std::pair<BufferId, kernels::GradientMode> write_gradient(TensorId id);
  /// The same for a primitive that can only store: `buffer` is to be filled, and
  /// LaneRun::finish_gradient then adds it where somebody has written before.
  struct OwnGradient {
    BufferId buffer;
    BufferId sum;  ///< invalid: `buffer` is the gradient itself
    int64_t elements = 0;
  };
  OwnGradient overwrite_gradient(TensorId id);
  /// Passes the gradient of `from` on to `to` unchanged. True: they share the buffer now;
  /// false: the op must add it.
  bool share_gradient(TensorId from, TensorId to);
  /// Registers a gradient of a parameter (its `sum` is set here) and gives the op where to put it:
  /// LaneRun::gradient, then add_gradient.
  GradientTarget gradient_slot(GradientSlot slot);
  /// A list of channels in the memory that kernels read, for as long as the selection lives.
  BufferId channel_list(const std::vector<int32_t>& channels);
  /// So many zeros [count], in the same memory.
  BufferId zeros(int64_t count);
  /// Where the batch-norm of the current op puts the statistics of a batch.
  BatchStatistics batch_statistics(const BatchNormLayer& layer, int64_t positions,
                                   int64_t channels);

  WeightAccess forward_weight(ParameterId parameter,
                              std::shared_ptr<const kernels::ConvForward> pass,
                              const std::string& name);
  WeightAccess grad_input_weight(ParameterId parameter,
                                 std::shared_ptr<const kernels::ConvGradInput> pass,
                                 const std::string& name);

  // Results.
  std::vector<BufferId>& tensors() { return tensors_; }
  MemoryPlan& lane_plan() { return lane_; }
  MemoryPlan& shared_plan() { return shared_; }
  std::vector<GradientSlot>& gradient_slots() { return slots_; }
  std::vector<ResidentWeight>& resident_weights() { return residents_; }
  std::vector<SelectionData>& selection_data() { return selection_data_; }
  std::vector<BatchStatistics>& statistics() { return statistics_; }

 private:
  const std::string& op_name() const;
  /// `id`, live now; fails with the op's name and `complaint` if it is invalid.
  BufferId use(BufferId id, const char* complaint);
  BufferId fresh_tensor(TensorId id);
  WeightAccess access_weight(ParameterId parameter, int64_t prepared_bytes, bool resident,
                             const std::string& name);

  const Tape& tape_;
  const UpdatePlan& update_;
  const kernels::Backend& backend_;
  KernelCache& kernels_;
  StepSettings settings_;
  int time_ = 0;
  int op_index_ = 0;
  MemoryPlan lane_, shared_;
  std::vector<BufferId> tensors_, gradients_;      // by tensor
  std::vector<bool> needs_gradient_, kept_whole_;  // by tensor
  std::vector<int> last_read_;                     // by tensor: op index of the last forward use
  struct Mask {
    BufferId buffer;
    bool taken = false;
  };
  std::vector<Mask> masks_;                          // by tensor
  std::vector<int> readers_;                         // by tensor: uses as an input
  std::vector<std::vector<int32_t>> packed_first_;   // by tensor: the first list that is packed
  std::vector<std::vector<int32_t>> packed_shared_;  // by tensor: all of them, where they overlap
  std::map<std::pair<TensorId, std::vector<int32_t>>, BufferId> saved_;
  std::vector<GradientSlot> slots_;
  std::vector<ResidentWeight> residents_;
  std::vector<SelectionData> selection_data_;
  std::vector<BatchStatistics> statistics_;
  std::map<std::vector<int32_t>, BufferId> lists_;  // those that are the same are kept once
};

}  // namespace trady
