#include "tools/gradient_pass.h"

#include <cmath>
#include <map>

#include "engine/device_values.h"
#include "engine/error.h"

namespace trady::tools {

namespace {

/// Sums of the packed weight gradients of some convs over batches.
class GradientTotals {
 public:
  explicit GradientTotals(size_t conv_count) : by_conv_(conv_count) {}

  void add(const GradientView& gradients) {
    for (const GradientSlot& slot : gradients.slots) {
      if (slot.conv_index < 0 || slot.is_bias) continue;
      std::vector<double>& total = by_conv_.at(static_cast<size_t>(slot.conv_index));
      total.resize(static_cast<size_t>(slot.elements));
      const std::vector<double> batch =
          read_values(gradients.backend, gradients.values(slot), slot.elements);
      for (size_t i = 0; i < total.size(); ++i) total[i] += batch[i];
    }
  }

  /// L2 norm of the mean over `batches` of every input channel's slice, from the layouts of
  /// kernels::ConvGradWeight: [C'][k][k][C], depthwise [C][k][k].
  std::vector<std::vector<double>> norms_of_mean(const std::vector<ConvLayer>& convs,
                                                 int64_t batches) const {
    std::vector<std::vector<double>> norms(convs.size());
    for (const ConvLayer& conv : convs) {
      const std::vector<double>& total = by_conv_[static_cast<size_t>(conv.index)];
      if (total.empty()) continue;
      std::vector<double>& of_conv = norms[static_cast<size_t>(conv.index)];
      of_conv.assign(static_cast<size_t>(conv.shape.in_c), 0.0);
      const auto taps = static_cast<size_t>(conv.shape.taps());
      for (size_t i = 0; i < total.size(); ++i) {
        const size_t channel = conv.shape.depthwise ? i / taps : i % of_conv.size();
        of_conv[channel] += total[i] * total[i];
      }
      for (double& norm : of_conv) norm = std::sqrt(norm) / static_cast<double>(batches);
    }
    return norms;
  }

 private:
  std::vector<std::vector<double>> by_conv_;
};

/// The running statistics of batch-norms in train mode, which follow every batch.
class StatisticsBefore {
 public:
  StatisticsBefore(const Tape& tape, Parameters& parameters) : parameters_(parameters) {
    if (tape.batch_norm_mode() != BatchNormMode::train) return;
    for (const BatchNormLayer& layer : tape.batch_norms()) {
      for (const ParameterId id : {layer.running_mean, layer.running_variance}) {
        values_[id] = parameters.get(id);
      }
    }
  }
  void put_back() {
    for (const auto& [id, values] : values_) parameters_.set(id, values);
  }

 private:
  Parameters& parameters_;
  std::map<ParameterId, std::vector<double>> values_;
};

void select_all(StepRunner& runner, const std::vector<int>& convs, size_t conv_count) {
  try {
    runner.select(gradient_pass_plan(convs, conv_count));
  } catch (const Error& error) {
    fail("the pass over the training set that the method selects by cannot be laid out: ",
         error.what());
  }
}

}  // namespace

UpdatePlan gradient_pass_plan(const std::vector<int>& convs, size_t conv_count) {
  UpdatePlan plan = UpdatePlan::head_only(conv_count);
  for (const int conv : convs) {
    plan.convs.at(static_cast<size_t>(conv)) = LayerUpdate::whole(/*with_bias=*/false);
  }
  return plan;
}

int64_t gradient_sum_bytes(const Tape& tape, const std::vector<int>& convs) {
  int64_t elements = 0;
  for (const int conv : convs) {
    elements += tape.convs().at(static_cast<size_t>(conv)).shape.weight_elements();
  }
  return elements * int64_t{sizeof(double)};
}

GradientPass run_gradient_pass(StepRunner& runner, const Tape& tape, Parameters& parameters,
                               Loader& loader, const std::vector<int>& convs, int epoch,
                               const StepListener& listener) {
  select_all(runner, convs, tape.convs().size());
  StatisticsBefore statistics(tape, parameters);
  GradientTotals totals(tape.convs().size());
  runner.on_gradients([&](const GradientView& gradients) { totals.add(gradients); });
  const int64_t steps = loader.batches_per_epoch();
  const Schedule no_update{/*peak_learning_rate=*/0, /*warmup_steps=*/0, steps * (epoch + 1)};
  GradientPass pass;
  try {
    pass.steps = train_epoch(runner, loader, no_update, epoch, listener).steps;
  } catch (...) {
    runner.on_gradients(nullptr);
    throw;
  }
  runner.on_gradients(nullptr);
  statistics.put_back();
  pass.norms = totals.norms_of_mean(tape.convs(), pass.steps);
  pass.reserved_bytes = runner.measured().reserved + gradient_sum_bytes(tape, convs);
  return pass;
}

}  // namespace trady::tools
