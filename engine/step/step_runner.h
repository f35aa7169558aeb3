// Runs training and evaluation steps of one network on one device.
//
// A batch is cut into micro-batches, which go through the whole network, forward and backward, one
// at a time or one a worker (step_execution.h). Their packed gradients are summed and applied once
// a batch.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "engine/step/memory_report.h"
#include "engine/step/step_execution.h"

namespace trady {

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
  /// [images, classes] of the batch that was evaluated last. For settings with `logits`; Error
  /// while batches are under way.
  std::vector<double> logits() const;
  /// What the batch-norms read in the batch that was evaluated last, in forward order. For settings
  /// with `observes_statistics`; Error while batches are under way.
  struct Observed {
    std::vector<double> mean, variance;  ///< by channel; the variance is not corrected for bias
    int64_t positions = 0;               ///< that they are taken over
  };
  std::vector<Observed> observed_statistics() const;

  /// The same in two parts, so that a device beside the host is never idle: up to
  /// batches_in_flight() batches may be begun, all of one kind, before the first is ended. The
  /// batch's memory may be used again when begin returns. Results come in the order of the begins;
  /// behind one that is not finite, those under way update nothing and are not finite either, and
  /// none can be begun before they have ended.
  int batches_in_flight() const { return settings_.batches_in_flight; }
  bool takes_decoded_images() const { return settings_.decoded_images; }
  /// What of the settings that it was made with the device carries out.
  const StepSettings& settings() const { return settings_; }
  void begin_train(const BatchView& batch, double learning_rate);
  TrainResult end_train();
  void begin_evaluate(const BatchView& batch);
  EvaluationResult end_evaluate();
  /// Waits for the batches under way and forgets their results: after an exception between begin
  /// and end. What training steps among them updated stays.
  void abandon() noexcept;

  /// Called after every backward pass, before the update, unless the gradient is not finite.
  void on_gradients(std::function<void(const GradientView&)> listener) {
    state_.on_gradients = std::move(listener);
  }

  /// These three want a selection.
  const StepProgram& program() const { return *state_.program; }
  MemoryReport planned() const;
  /// What the arena counted in all steps since select().
  MemoryReport measured() const;
  Optimizer& optimizer() { return state_.optimizer; }

 private:
  int lanes_within_limit(const StepProgram& program) const;
  void lay_out(std::unique_ptr<StepProgram> program, int lanes);
  void forget_selection();
  void check_batch(const BatchView& batch) const;
  void begin(StepKind kind, const BatchView& batch, double learning_rate);
  /// Fills `images` with those of the batch that was begun first.
  kernels::StepControl end(StepKind kind, int64_t& images);

  StepSettings settings_;
  KernelCache kernels_;
  StepState state_;
  std::unique_ptr<StepExecution> execution_;
  struct UnderWay {
    StepKind kind;
    int64_t images;
  };
  std::deque<UnderWay> under_way_;
  int64_t last_images_ = 0;
  int64_t high_loss_steps_ = 0;
};

}  // namespace trady
