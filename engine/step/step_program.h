// One selection, planned: the ops of the tape with their buffers, for one micro-batch size.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/ops/op.h"
#include "engine/step/batch_layout.h"
#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

class StepProgram {
 public:
  StepProgram(const Tape& tape, UpdatePlan update, const kernels::Backend& backend,
              KernelCache& kernels, const StepSettings& settings);

  const UpdatePlan& update() const { return update_; }
  const StepSettings& settings() const { return settings_; }
  /// Buffers of one worker; times are forward of op 0, 1, ..., then backward of ..., 1, 0.
  const MemoryPlan& lane_plan() const { return lane_; }
  /// Buffers that live as long as the selection: gradient sums, resident weight copies, results.
  const MemoryPlan& shared_plan() const { return shared_; }
  const std::vector<GradientSlot>& gradient_slots() const { return slots_; }
  const std::vector<ResidentWeight>& resident_weights() const { return residents_; }
  /// Writes what the host has to say of the selection (lists of channels, zeros) into the shared
  /// buffers, whose layout is shared_plan().
  void upload_selection(const kernels::Backend& backend, const ArenaView& shared) const;
  const std::vector<BatchStatistics>& statistics() const { return statistics_; }

  const BatchLayout& batch_layout() const { return layout_; }
  /// A block of batch_layout() for each batch in flight.
  const std::vector<BufferId>& batches() const { return batches_; }
  /// Where decoded images are transformed, else invalid.
  BufferId pixels() const { return pixels_; }  ///< uint8 [batch, S, S, 3]
  BufferId image_scratch() const { return image_scratch_; }
  BufferId halted() const { return halted_; }            ///< int32, see Backend::judge
  BufferId losses() const { return losses_; }            ///< double [batch]
  BufferId predictions() const { return predictions_; }  ///< int32 [batch]
  BufferId logits() const { return logits_; }            ///< [batch, classes]; invalid: not wanted

  /// [m, H, W, C] of a tensor in the lane's plan, from the op that writes it to its last use.
  BufferId tensor(TensorId id) const { return tensors_.at(static_cast<size_t>(id)); }

  /// Multiply-adds of one micro-batch, of all ops / op by op in tape order.
  Work work() const;
  const std::vector<std::unique_ptr<OpStep>>& steps() const { return steps_; }

  void forward(LaneRun& run, ArenaView& lane) const;
  /// After forward() with the same lane.
  void backward(LaneRun& run, ArenaView& lane) const;

 private:
  void plan_batches(const Tape& tape, const kernels::Backend& backend);

  UpdatePlan update_;
  StepSettings settings_;
  MemoryPlan lane_, shared_;
  std::vector<std::unique_ptr<OpStep>> steps_;
  std::vector<std::string> names_;  // of the ops, for labels
  std::vector<int> backward_order_;
  std::vector<BufferId> tensors_;
  std::vector<GradientSlot> slots_;
  std::vector<ResidentWeight> residents_;
  std::vector<SelectionData> selection_data_;
  std::vector<BatchStatistics> statistics_;
  BatchLayout layout_;
  std::vector<BufferId> batches_;
  BufferId pixels_, image_scratch_, halted_, losses_, predictions_, logits_;
};

}  // namespace trady
