#include "bench/common/workload.h"

#include "engine/random.h"

namespace trady::bench {

namespace {

/// Small enough that a step does the same work however often it has run (as bench/peers/step.py).
constexpr double kLearningRate = 1e-6;

tools::LoadedNetwork load(const WorkloadOptions& options, const kernels::Backend& backend) {
  tools::ModelOptions model = options.model;
  if (!model.weights.empty()) {
    return tools::load_network(model, backend, options.classes, false, options.seed);
  }
  if (model.model.empty()) model.model = "mbv2-w0.35";
  if (!model.image_size) model.image_size = 128;
  return tools::random_network(model, backend, options.classes, options.seed, 0.3);
}

tools::MethodOptions method_options(const WorkloadOptions& options, const std::string& method) {
  tools::MethodOptions wanted;
  wanted.method = method;
  wanted.batch = options.batch;
  wanted.micro_batch = options.micro_batch;
  wanted.memory_limit = options.memory_limit;
  wanted.seed = options.seed;
  for (const StrategyInfo& info : strategy_infos()) {
    if (info.name != method && info.alias != method) continue;
    if (info.budgeted) wanted.budget = options.budget;
    if (info.uses_pool) wanted.pool = options.pool;
    if (info.needs_last_k) wanted.last_k = options.last_k;
  }
  return wanted;
}

}  // namespace

void add_workload_options(CLI::App& app, WorkloadOptions& options) {
  tools::add_model_options(app, options.model);
  app.add_option("--classes-count", options.classes, "Classes of the head")->capture_default_str();
  app.add_option("--batch", options.batch, "Images a step")->capture_default_str();
  app.add_option("--micro-batch", options.micro_batch, "Images at a time (default: by the shapes)");
  app.add_option("--budget", options.budget, "Of TraDy, as for `trady finetune`")
      ->capture_default_str();
  app.add_option("--pool", options.pool, "Of TraDy, as for `trady finetune`");
  app.add_option("--last", options.last_k, "Convs that last-k updates")->capture_default_str();
  app.add_option("--seed", options.seed, "Of draws and random weights")->capture_default_str();
}

nlohmann::json json_of(const WorkloadOptions& options) {
  const auto optional = [](const auto& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  return {{"model", options.model.model},
          {"weights", options.model.weights},
          {"image_size", optional(options.model.image_size)},
          {"device", options.model.device},
          {"precision", options.model.precision},
          {"threads", tools::thread_count(options.model)},
          {"classes", options.classes},
          {"batch", options.batch},
          {"micro_batch", optional(options.micro_batch)},
          {"budget", options.budget},
          {"pool", optional(options.pool)},
          {"last", options.last_k},
          {"seed", options.seed}};
}

RandomBatch::RandomBatch(int64_t count, int64_t image_size, int64_t classes)
    : pixels_(static_cast<size_t>(count * image_size * image_size * 3)),
      labels_(static_cast<size_t>(count)) {
  RandomStream random(0, RandomPurpose::augmentation);
  for (uint8_t& pixel : pixels_) pixel = static_cast<uint8_t>(random.below(256));
  for (int32_t& label : labels_) {
    label = static_cast<int32_t>(random.below(static_cast<uint32_t>(classes)));
  }
}

BatchView RandomBatch::view() const {
  return {pixels_.data(), labels_.data(), static_cast<int64_t>(labels_.size())};
}

MethodSteps::MethodSteps(const WorkloadOptions& options, const std::string& method,
                         const kernels::Backend& backend)
    : net_(load(options, backend)) {
  const tools::MethodOptions wanted = method_options(options, method);
  const StepRequest request = tools::request_of(options.model, wanted, 0);
  const Tape& tape = net_.network.tape;
  if (method == "forward") {
    StepDemand demand;
    demand.plan = UpdatePlan::head_only(tape.convs().size());
    sizing_ = size_step(tape, backend, *net_.parameters, demand, request);
    sizing_.settings.training = false;
  } else {
    strategy_ = tools::make_strategy(wanted, net_.network);
    sizing_ = size_step(tape, backend, *net_.parameters, demand_of(*strategy_), request);
  }
  runner_ = std::make_unique<StepRunner>(tape, backend, *net_.parameters, OptimizerSettings{},
                                         sizing_.settings, sizing_.workers);
  select_next();
}

void MethodSteps::select_next() {
  runner_->select(strategy_ ? strategy_->plan(next_epoch_++)
                            : UpdatePlan::head_only(net_.network.tape.convs().size()));
}

void MethodSteps::step(const BatchView& batch) {
  if (strategy_) {
    runner_->train(batch, kLearningRate);
  } else {
    runner_->evaluate(batch);
  }
}

void MethodSteps::run(const BatchView& batch, int count) {
  int begun = 0;
  for (int ended = 0; ended < count; ++ended) {
    for (; begun < count && begun - ended < runner_->batches_in_flight(); ++begun) {
      if (strategy_) {
        runner_->begin_train(batch, kLearningRate);
      } else {
        runner_->begin_evaluate(batch);
      }
    }
    if (strategy_) {
      runner_->end_train();
    } else {
      runner_->end_evaluate();
    }
  }
}

}  // namespace trady::bench
