#include "engine/trainer.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/stopwatch.h"

namespace trady {

namespace {

void stop_if_interrupted(const char* during) {
  if (interrupt_requested()) throw Interrupted(concat("interrupted during ", during));
}

/// Steps in a row with a loss far above chance (TrainResult): such a run does not come back.
constexpr int64_t kHighLossSteps = 5;

constexpr const char* kDivergenceRemedy =
    "; start again in another --out with a smaller --lr (a third of it is a good try), a longer "
    "--warmup, or --clip-norm 1";

void stop_if_diverged(const TrainResult& step, int epoch, int64_t index, double learning_rate) {
  if (step.finite && step.high_loss_steps < kHighLossSteps) return;
  fail("training diverged in epoch ", epoch, ", step ", index, ": loss ", step.loss,
       ", gradient norm ", step.gradient_norm, ", learning rate ", learning_rate,
       kDivergenceRemedy);
}

/// No sensible weight comes near; one of this size overflows float32 a few layers on, which shows
/// only where the epoch was evaluated.
constexpr double kLargestParameter = 1e10;

void require_sane_values(int epoch, const Parameters& parameters) {
  for (size_t i = 0; i < parameters.specs().size(); ++i) {
    for (const double value : parameters.get(static_cast<ParameterId>(i))) {
      if (std::abs(value) <= kLargestParameter) continue;  // NaN is not
      fail("training diverged in epoch ", epoch, ": parameter ", parameters.specs()[i].name,
           " holds ", value, kDivergenceRemedy);
    }
  }
}

}  // namespace

EpochResult train_epoch(StepRunner& runner, Loader& loader, const Schedule& schedule, int epoch,
                        const StepListener& listener) {
  EpochResult result;
  const int64_t steps = loader.batches_per_epoch();
  int64_t correct = 0, images = 0;
  Batch batch;
  loader.start_epoch(static_cast<uint32_t>(epoch));
  while (true) {
    const Stopwatch asked;
    if (!loader.next(batch)) break;
    result.input_seconds += asked.seconds();

    const double learning_rate = schedule.learning_rate(epoch * steps + result.steps);
    const Stopwatch started;
    const TrainResult step = runner.train({batch.pixels, batch.labels, batch.count}, learning_rate);
    result.step_seconds += started.seconds();

    stop_if_diverged(step, epoch, result.steps, learning_rate);
    ++result.steps;
    result.loss += (step.loss - result.loss) / static_cast<double>(result.steps);
    correct += step.correct;
    images += batch.count;
    if (listener) listener(result.steps, steps, result.loss);
    stop_if_interrupted("training");
  }
  result.accuracy =
      static_cast<double>(correct) / static_cast<double>(std::max<int64_t>(images, 1));
  return result;
}

EvaluationResult evaluate_all(StepRunner& runner, Loader& loader, const StepListener& listener) {
  EvaluationResult result;
  const int64_t steps = loader.batches_per_epoch();
  int64_t done = 0;
  Batch batch;
  loader.start_epoch(0);
  while (loader.next(batch)) {
    result += runner.evaluate({batch.pixels, batch.labels, batch.count});
    ++done;
    if (listener) listener(done, steps, result.loss_sum / static_cast<double>(result.count));
    stop_if_interrupted("evaluation");
  }
  return result;
}

void require_no_divergence(int epoch, const EpochLosses& losses, const Parameters& parameters,
                           int64_t classes) {
  const auto require_low = [&](const char* name, double loss) {
    if (loss <= high_loss(classes)) return;  // NaN is not
    fail("training diverged in epoch ", epoch, ": the mean ", name, " loss is ", loss,
         ", expected at most ", high_loss(classes), " for ", classes, " classes",
         kDivergenceRemedy);
  };
  require_low("training", losses.training);
  if (losses.validation) require_low("validation", *losses.validation);
  if (losses.test) require_low("test", *losses.test);
  require_sane_values(epoch, parameters);
}

}  // namespace trady
