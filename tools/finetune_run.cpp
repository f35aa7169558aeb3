#include "tools/finetune_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "engine/checkpoint.h"
#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/stopwatch.h"
#include "engine/trainer.h"
#include "kernels/work_counters.h"
#include "models/model_file.h"
#include "models/weights.h"
#include "selection/budget.h"
#include "tools/inference.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/run_inputs.h"
#include "tools/step_timeline.h"
#include "tools/version.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;

double mebibytes(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

void print_epoch(const nlohmann::json& epoch, int total) {
  const auto percent = [&](const char* split) {
    return epoch[split].is_object()
               ? concat(", ", split, " ",
                        std::round(epoch[split]["accuracy"].get<double>() * 10000) / 100, " %")
               : std::string();
  };
  std::printf("epoch %3d/%d  loss %.4f  train %.2f %%%s%s  %.1f ms/step  %zu layers updated\n",
              epoch["epoch"].get<int>() + 1, total, epoch["loss"].get<double>(),
              100 * epoch["train_accuracy"].get<double>(), percent("val").c_str(),
              percent("test").c_str(),
              1000 * epoch["step_seconds"].get<double>() / epoch["steps"].get<double>(),
              epoch["selection"].size());
  std::fflush(stdout);
}

std::optional<double> loss_of(const nlohmann::json& evaluated) {
  if (evaluated.is_null()) return std::nullopt;
  return evaluated["loss"].get<double>();
}

}  // namespace

FinetuneRun::FinetuneRun(const FinetuneOptions& options) : o_(options) {
  if (total_epochs() == 0) fail("--epochs and --warmup are both 0: there is nothing to train");
  backend_ = make_backend(o_.model.device, o_.model.precision);
  require_arithmetic(*backend_);
  if (o_.training.from_scratch) train_batch_norms_by_default(o_.model);
  describe_model(o_.model);
  if (!o_.training.learning_rate) {
    o_.training.learning_rate = default_learning_rate(o_.model, o_.method.method);
  }
  settings_ = settings_json(o_.model, o_.method, o_.data, o_.training);
  folder_.emplace(o_.out);
  folder_->require_other_file(o_.model.weights);
  open_checkpoint();
  data_ = open_data(o_.data, o_.method.seed);
  if (!data_.train) fail(o_.data.data, ": there are no training images; expected a folder train/");
  inputs_ = json_of(data_);
  if (!o_.model.weights.empty()) inputs_["weights_fingerprint"] = fingerprint(o_.model.weights);
  inputs_ = with_valid_text(inputs_);
  if (record_) record_->require_same_inputs(inputs_, o_.out);
  prepare_network();
  strategy_ = make_strategy(o_.method, net_.network);
  inputs_["pool"] = strategy_->pool().convs;
  if (record_) record_->require_same_inputs(inputs_, o_.out);
  size_steps();
  plan_schedule();
  open_record();
}

/// A new record, or the interrupted run's with a warning if its bytes cannot be had here.
void FinetuneRun::open_record() {
  const nlohmann::json environment = with_valid_text(
      {{"build", build_description()},
       {"device", backend_->name()},
       {"isa", backend_->isa()},
       {"threads", thread_count(o_.model)},
       {"workers", sizing_.workers},
       {"micro_batch", sizing_.settings.micro_batch},
       {"memory_limit",
        o_.method.memory_limit ? nlohmann::json(*o_.method.memory_limit) : nlohmann::json()},
       {"cache", o_.data.cache}});
  if (record_) {
    const std::string differences = record_->resume_in(environment);
    if (!differences.empty()) {
      std::fprintf(stderr,
                   "warning: %s was started elsewhere; the weights will not be byte for byte those "
                   "of an uninterrupted run%s\n",
                   o_.out.c_str(), differences.c_str());
    }
    return;
  }
  record_ = RunRecord(settings_, environment);
  (*record_)["inputs"] = inputs_;
  const CostModel& costs = strategy_->costs();
  (*record_)["network"] = {{"model", net_.network.name},
                           {"image_size", net_.network.options.image_size},
                           {"classes", net_.network.options.classes},
                           {"new_head", net_.new_head},
                           {"elements", costs.network().total()}};
  if (o_.method.budget) {
    (*record_)["budget_elements"] = parse_budget(*o_.method.budget, costs);
  }
}

/// Finds what an interrupted run left in the folder.
void FinetuneRun::open_checkpoint() {
  if (!folder_->has_checkpoint(o_.resume)) {
    if (o_.resume) std::printf("%s holds no checkpoint yet: starting anew\n", o_.out.c_str());
    return;
  }
  const fs::path checkpoint = folder_->checkpoint();
  checkpoint_ = std::make_unique<SafetensorsFile>(SafetensorsFile::open(checkpoint));
  const auto text = checkpoint_->metadata().find("run");
  if (text == checkpoint_->metadata().end()) {
    fail(checkpoint.string(), ": is not a checkpoint of a run; choose another --out");
  }
  record_ = RunRecord::parse(text->second, checkpoint.string());
  record_->require_same_settings(settings_, o_.out);
  const auto micro_batch = (*record_)["environment"]["micro_batch"].get<int64_t>();
  if (o_.method.micro_batch.value_or(micro_batch) != micro_batch) {
    fail("--micro-batch ", *o_.method.micro_batch, ": ", o_.out, " was started with ", micro_batch,
         ", and another one rounds differently; leave --micro-batch out");
  }
  o_.method.micro_batch = micro_batch;
}

void FinetuneRun::prepare_network() {
  const TrainingOptions& training = o_.training;
  if (training.from_scratch) {
    if (training.keep_head) fail("--from-scratch and --keep-head exclude each other");
    net_ = random_network(o_.model, *backend_, data_.train->class_count(), o_.method.seed,
                          training.residual_scale);
  } else {
    const HeadChoice head = training.new_head    ? HeadChoice::renew
                            : training.keep_head ? HeadChoice::keep
                                                 : HeadChoice::by_classes;
    net_ = load_network_for(data_, o_.data, o_.model, *backend_, head, o_.method.seed);
  }
  if (checkpoint_) load_parameters(*checkpoint_, *net_.parameters, {}, "model/");
}

void FinetuneRun::size_steps() {
  const int64_t momentum_bytes =
      optimizer_bytes(o_.training.momentum, o_.training.weight_decay, *strategy_, *net_.parameters);
  StepRequest request = request_of(o_.model, o_.method, momentum_bytes);
  request.decoded_images = true;
  sizing_ =
      size_step(net_.network.tape, *backend_, *net_.parameters, demand_of(*strategy_), request);
  const OptimizerSettings optimizer{o_.training.momentum, o_.training.weight_decay,
                                    o_.training.clip_norm};
  runner_ = std::make_unique<StepRunner>(net_.network.tape, *backend_, *net_.parameters, optimizer,
                                         sizing_.settings, sizing_.workers);
  if (checkpoint_ && runner_->optimizer().velocity()) {
    load_parameters(*checkpoint_, *runner_->optimizer().velocity(), {}, "momentum/");
  }
}

void FinetuneRun::plan_schedule() {
  input_ = std::make_unique<InputPipeline>(o_.model, o_.data, net_.network.options.image_size,
                                           sizing_.settings, o_.method.seed);
  const int64_t steps = input_->training(data_.train)->batches_per_epoch();
  schedule_ = {*o_.training.learning_rate, steps * o_.training.warmup, steps * total_epochs()};
}

void FinetuneRun::announce() const {
  const Strategy& s = *strategy_;
  std::printf("%s, %lld x %lld px, %lld classes%s; %s on %s (%s), %d worker%s, micro-batch %lld\n",
              net_.network.name.c_str(), static_cast<long long>(net_.network.options.image_size),
              static_cast<long long>(net_.network.options.image_size),
              static_cast<long long>(net_.network.options.classes),
              net_.new_head ? " (new classifier)" : "", s.info().name.c_str(),
              backend_->name().c_str(), backend_->isa().c_str(), sizing_.workers,
              sizing_.workers == 1 ? "" : "s",
              static_cast<long long>(sizing_.settings.micro_batch));
  std::printf("%lld training images%s%s; learning rate %g; a step reserves at most %.2f MiB (%s)\n",
              static_cast<long long>(data_.train->size()),
              data_.val ? concat(", ", data_.val->size(), " validation").c_str() : "",
              data_.test ? concat(", ", data_.test->size(), " test").c_str() : "",
              schedule_.peak_learning_rate, mebibytes(sizing_.bytes), sizing_.why.c_str());
  std::fflush(stdout);
}

nlohmann::json FinetuneRun::evaluate(const std::shared_ptr<const Dataset>& images,
                                     const std::string& split, const std::string& when) {
  if (!images) return {};
  const std::unique_ptr<Loader> loader = input_->testing(images, split + " set");
  Progress progress(concat(when, " ", split), sizing_.settings.batch);
  const EvaluationResult result = evaluate_all(*runner_, *loader, progress.listener());
  input_bytes_ = std::max(input_bytes_, input_->bytes(*loader));
  return {{"accuracy", static_cast<double>(result.correct) / static_cast<double>(result.count)},
          {"loss", result.loss_sum / static_cast<double>(result.count)},
          {"images", result.count}};
}

nlohmann::json FinetuneRun::run_epoch(int epoch) {
  const Stopwatch watch;
  UpdatePlan plan = strategy_->plan(epoch);
  runner_->select(plan);
  (*record_)["step_memory"] = step_timeline(*runner_, net_.network.tape);
  const double select_seconds = watch.seconds();

  const std::string label = concat("epoch ", epoch + 1, "/", total_epochs());
  kernels::work_counters().reset();
  EpochResult trained;
  {
    const std::unique_ptr<Loader> loader = input_->training(data_.train);
    Progress progress(label, sizing_.settings.batch);
    trained = train_epoch(*runner_, *loader, schedule_, epoch, progress.listener());
    input_bytes_ = input_->bytes(*loader);
  }
  const auto& work = kernels::work_counters();
  const CostModel& costs = strategy_->costs();
  const SavedBytes saved = saved_for_backward(runner_->program());
  nlohmann::json json{
      {"epoch", epoch},
      {"loss", trained.loss},
      {"train_accuracy", trained.accuracy},
      {"steps", trained.steps},
      {"step_seconds", trained.step_seconds},
      {"input_seconds", trained.input_seconds},
      {"select_seconds", select_seconds},
      {"selection", json_of(plan, costs)},
      {"budget_used_elements", costs.plan(plan).total()},
      {"memory", json_of(runner_->measured())},
      {"saved_for_backward_bytes", {{"inputs", saved.inputs}, {"masks", saved.masks}}},
      {"multiply_adds",
       {{"forward", work.forward.load()},
        {"grad_input", work.grad_input.load()},
        {"grad_weight", work.grad_weight.load()}}},
      {"grad_weight_saved", costs.multiply_adds_saved(plan)}};
  if (runner_->measured() != runner_->planned()) {
    fail("[memory] the arena counted other bytes than were planned; this is a bug");
  }
  json["val"] = evaluate(data_.val, "validation", label);
  json["test"] = evaluate(data_.test, "test", label);
  require_no_divergence(epoch, {trained.loss, loss_of(json["val"]), loss_of(json["test"])},
                        *net_.parameters, net_.network.options.classes);
  json["input_pipeline_bytes"] = input_bytes_;  // the most of training and both evaluations
  json["seconds"] = watch.seconds();
  return json;
}

/// What memory holds, and the record: what --resume goes on from.
void FinetuneRun::save_checkpoint() {
  auto metadata = models::metadata_of(net_.network, data_.train->class_names());
  metadata["run"] = record_->text();
  std::vector<SavedParameters> sets{{net_.parameters.get(), "model/"}};
  if (const Parameters* velocity = runner_->optimizer().velocity()) {
    sets.push_back({velocity, "momentum/"});
  }
  save_parameters(folder_->checkpoint(), sets, metadata);
}

/// As the source framework has them.
void FinetuneRun::save_weights(const fs::path& file) {
  std::optional<SafetensorsFile> source;
  if (!o_.model.weights.empty()) source.emplace(SafetensorsFile::open(o_.model.weights));
  models::save_weights(file, net_.network, *net_.parameters, data_.train->class_names(),
                       source ? &*source : nullptr);
}

void FinetuneRun::run() {
  announce();
  watch_for_interrupts();
  if (record_->epochs_done() == 0) {
    runner_->select(strategy_->plan(0));
    (*record_)["before"] = {{"val", evaluate(data_.val, "validation", "before")},
                            {"test", evaluate(data_.test, "test", "before")}};
  }
  double best = -1;
  for (const auto& epoch : record_->json()["epochs"]) {
    if (epoch["val"].is_object()) best = std::max(best, epoch["val"]["accuracy"].get<double>());
  }
  for (int epoch = record_->epochs_done(); epoch < total_epochs(); ++epoch) {
    nlohmann::json result;
    try {
      result = run_epoch(epoch);
    } catch (const Interrupted& interruption) {
      throw Interrupted(concat(interruption.what(), " of epoch ", epoch + 1, "; ", epoch,
                               " epochs are saved, continue with the same command and --resume"));
    }
    print_epoch(result, total_epochs());
    const bool is_best =
        result["val"].is_object() && result["val"]["accuracy"].get<double>() > best;
    record_->add_epoch(std::move(result));
    if (is_best) {  // by validation; never chosen on test
      best = record_->json()["epochs"].back()["val"]["accuracy"].get<double>();
      (*record_)["best_epoch"] = epoch;
      save_weights(folder_->best());
    }
    save_checkpoint();
    record_->write(folder_->record());
  }
  save_weights(folder_->weights());
  record_->write(folder_->record());
  const std::string weights = folder_->weights().string();
  std::printf("wrote %s; try `trady predict %s IMAGE`\n", weights.c_str(), weights.c_str());
}

}  // namespace trady::tools
