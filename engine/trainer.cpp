#include "engine/trainer.h"

#include <cmath>
#include <deque>

#include "engine/error.h"
#include "engine/stopwatch.h"

namespace trady {

namespace {

/// Steps in a row with a loss far above chance (TrainResult): such a run does not come back.
constexpr int64_t kHighLossSteps = 5;

constexpr const char* kDivergenceRemedy =
    "; start again in another --out with a smaller --lr (a third of it is a good try), a longer "
    "--warmup, or --clip-norm 1";

/// What users see counts epochs and steps from 1, as the progress of a pass does.
std::string divergence_in(int epoch) {
  return concat("training diverged in epoch ", epoch + 1);
}

void stop_if_diverged(const TrainResult& step, int epoch, int64_t index, double learning_rate) {
  if (step.finite && step.high_loss_steps < kHighLossSteps) return;
  fail(divergence_in(epoch), ", step ", index + 1, ": loss ", step.loss, ", gradient norm ",
       step.gradient_norm, ", learning rate ", learning_rate, kDivergenceRemedy);
}

/// No sensible weight comes near; one of this size overflows float32 a few layers on, which shows
/// only where the epoch was evaluated.
constexpr double kLargestParameter = 1e10;

void require_sane_values(int epoch, const Parameters& parameters) {
  for (size_t i = 0; i < parameters.specs().size(); ++i) {
    for (const double value : parameters.get(static_cast<ParameterId>(i))) {
      if (std::abs(value) <= kLargestParameter) continue;  // NaN is not
      fail(divergence_in(epoch), ": parameter ", parameters.specs()[i].name, " holds ", value,
           kDivergenceRemedy);
    }
  }
}

/// Gives up what an exception leaves under way.
class AbandonAtEnd {
 public:
  explicit AbandonAtEnd(StepRunner& runner) : runner_(runner) {}
  AbandonAtEnd(const AbandonAtEnd&) = delete;
  AbandonAtEnd& operator=(const AbandonAtEnd&) = delete;
  ~AbandonAtEnd() { runner_.abandon(); }

 private:
  StepRunner& runner_;
};

/// The steps of an epoch: as many under way as the device takes, each told in its turn.
class TrainingSteps {
 public:
  TrainingSteps(StepRunner& runner, int epoch, int64_t steps, const StepListener& listener,
                const EpochResult& done)
      : result(done), runner_(runner), epoch_(epoch), steps_(steps), listener_(listener) {}

  void begin(const Batch& batch, double learning_rate) {
    runner_.begin_train(view_of(batch), learning_rate);
    under_way_.push_back({learning_rate, batch.count});
    if (static_cast<int>(under_way_.size()) == runner_.batches_in_flight()) end_first();
  }
  void end_all() {
    while (!under_way_.empty()) end_first();
  }
  EpochResult result;  ///< of the steps that have ended
  int64_t begun() const { return result.steps + static_cast<int64_t>(under_way_.size()); }

 private:
  struct UnderWay {
    double learning_rate;
    int64_t images;
  };

  void end_first() {
    const TrainResult step = runner_.end_train();
    stop_if_diverged(step, epoch_, result.steps, under_way_.front().learning_rate);
    ++result.steps;
    result.loss += (step.loss - result.loss) / static_cast<double>(result.steps);
    result.correct += step.correct;
    result.images += under_way_.front().images;
    under_way_.pop_front();
    if (listener_) listener_({result.steps, steps_, result.loss, result.accuracy()});
  }

  StepRunner& runner_;
  int epoch_;
  int64_t steps_;
  const StepListener& listener_;
  std::deque<UnderWay> under_way_;
};

}  // namespace

BatchView view_of(const Batch& batch) {
  return {batch.pixels, batch.labels,      batch.count,
          batch.images, batch.image_bytes, batch.transforms};
}

EpochResult train_epoch(StepRunner& runner, Loader& loader, const Schedule& schedule, int epoch,
                        const StepListener& listener, const EpochResult& done) {
  const int64_t steps = loader.batches_per_epoch();
  const AbandonAtEnd guard(runner);
  TrainingSteps training(runner, epoch, steps, listener, done);
  Batch batch;
  loader.start_epoch(static_cast<uint32_t>(epoch), done.steps);
  while (true) {
    const Stopwatch asked;
    if (!loader.next(batch)) break;
    training.result.input_seconds += asked.seconds();

    const Stopwatch started;
    training.begin(batch, schedule.learning_rate(epoch * steps + training.begun()));
    training.result.step_seconds += started.seconds();
    if (interrupt_requested()) break;
  }
  const Stopwatch left;
  training.end_all();
  training.result.step_seconds += left.seconds();
  if (interrupt_requested()) throw EpochInterrupted(training.result);
  return training.result;
}

EvaluationResult evaluate_all(StepRunner& runner, Loader& loader, const StepListener& listener) {
  EvaluationResult result;
  const int64_t steps = loader.batches_per_epoch();
  const AbandonAtEnd guard(runner);
  int64_t begun = 0, done = 0;
  const auto end_first = [&] {
    result += runner.end_evaluate();
    ++done;
    if (!listener) return;
    const auto images = static_cast<double>(result.count);
    listener({done, steps, result.loss_sum / images, static_cast<double>(result.correct) / images});
  };
  Batch batch;
  loader.start_epoch(0);
  while (loader.next(batch)) {
    runner.begin_evaluate(view_of(batch));
    if (++begun - done == runner.batches_in_flight()) end_first();
    if (interrupt_requested()) throw Interrupted("interrupted during evaluation");
  }
  while (done < begun) end_first();
  return result;
}

void require_no_divergence(int epoch, const EpochLosses& losses, const Parameters& parameters,
                           int64_t classes) {
  const auto require_low = [&](const char* name, double loss) {
    if (loss <= high_loss(classes)) return;  // NaN is not
    fail(divergence_in(epoch), ": the mean ", name, " loss is ", loss, ", expected at most ",
         high_loss(classes), " for ", classes, " classes", kDivergenceRemedy);
  };
  require_low("training", losses.training);
  if (losses.validation) require_low("validation", *losses.validation);
  if (losses.test) require_low("test", *losses.test);
  require_sane_values(epoch, parameters);
}

}  // namespace trady
