// Runs training and evaluation steps of one network on one device.
//
// A batch is cut into micro-batches; each worker takes the next one through the whole network,
// forward and backward, on buffers of its own. The packed gradients are summed in micro-batch order
// and applied once a batch, so neither the number of workers nor the kept weight copies change a
// bit.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/optimizer.h"
#include "engine/parameters.h"
#include "engine/step/memory_report.h"
#include "engine/step/step_program.h"
#include "engine/step/workers.h"

namespace trady {

/// Images as bytes.
struct BatchView {
  const uint8_t* pixels = nullptr;  ///< [count, S, S, 3]
  const int32_t* labels = nullptr;  ///< [count]
  int64_t count = 0;
};

/// Mean loss from which on training counts as far above chance: twenty times that of guessing.
double high_loss(int64_t classes);

struct TrainResult {
  double loss = 0;  ///< mean over the batch, before the update
  int64_t correct = 0;
  double gradient_norm = 0;
  bool finite = true;  ///< false: loss or gradient is not finite, and nothing was updated
  /// This step and those right before it, whatever was selected, whose loss was above high_loss().
  int64_t high_loss_steps = 0;
};

struct EvaluationResult {
  double loss_sum = 0;
  int64_t correct = 0;
  int64_t count = 0;
  EvaluationResult& operator+=(const EvaluationResult& o) {
    loss_sum += o.loss_sum;
    correct += o.correct;
    count += o.count;
    return *this;
  }
};

/// Read access to the batch's gradient sums between backward and update.
struct GradientView {
  const std::vector<GradientSlot>& slots;
  const ArenaView& shared;
  const void* values(const GradientSlot& slot) const { return shared.data(slot.sum); }
};

class StepRunner {
 public:
  StepRunner(const Tape& tape, const kernels::Backend& backend, Parameters& parameters,
             const OptimizerSettings& optimizer, const StepSettings& settings, int workers);

  /// Plans the steps of a new selection and lays out their memory. Where that would be more than
  /// the settings' memory limit, fewer workers run the steps, which changes no bit of the results.
  /// Throws Error with the bytes if one worker is still too much, or if the plan does not fit the
  /// network; the selection before stays in force then. If the system refuses the memory, none is
  /// in force: the old block has been returned first.
  void select(UpdatePlan update);
  /// Reorders the kept weight copies again: after the parameters were changed from outside.
  void refresh_weights();

  /// One step with exactly the settings' batch. Throws Error without a selection, on a batch of
  /// another size and on labels outside of the network's classes.
  TrainResult train(const BatchView& batch, double learning_rate);
  /// The loss and the predictions of at most one batch. Errors as of train.
  EvaluationResult evaluate(const BatchView& batch);
  /// As evaluate; also fills `logits` [count rounded up to the micro-batch, classes] in the
  /// backend's dtype.
  EvaluationResult evaluate(const BatchView& batch, void* logits);

  /// Called after every backward pass, before the update.
  std::function<void(const GradientView&)> on_gradients;

  /// These three want a selection.
  const StepProgram& program() const { return *program_; }
  MemoryReport planned() const;
  /// What the arena counted in all steps since select().
  MemoryReport measured() const;
  Optimizer& optimizer() { return optimizer_; }

 private:
  int workers_within_limit(const StepProgram& program) const;
  void run_micro_batches(const BatchView& batch, bool backward, void* logits);
  void run_lane(int worker, const BatchView& batch, bool backward, void* logits);
  void prepare(const std::vector<size_t>& resident_indices);
  void check_batch(const BatchView& batch) const;

  const Tape& tape_;
  const kernels::Backend& backend_;
  Parameters& parameters_;
  Optimizer optimizer_;
  StepSettings settings_;
  KernelCache kernels_;
  Workers workers_;

  std::unique_ptr<StepProgram> program_;  // null: nothing is selected
  int active_workers_ = 1;                // of workers_; the others pause
  int64_t high_loss_steps_ = 0;
  Arena arena_;
  ArenaView shared_;
  std::vector<ArenaView> lanes_;
  std::unique_ptr<GradientSums> sums_;
  std::vector<size_t> updated_residents_;
  std::atomic<int64_t> next_micro_batch_{0};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace trady
