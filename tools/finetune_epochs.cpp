// The epochs of a run of `trady finetune`: select, train, evaluate, save.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/stopwatch.h"
#include "engine/trainer.h"
#include "kernels/work_counters.h"
#include "models/model_file.h"
#include "models/weights.h"
#include "tools/finetune_run.h"
#include "tools/progress.h"
#include "tools/step_timeline.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;

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

/// What a method that looks at more than an epoch may keep has taken for it.
void print_selecting(const nlohmann::json& epoch) {
  const nlohmann::json& selecting = epoch["selecting"];
  if (selecting.is_null()) return;
  const auto looking = selecting["reserved_bytes"].get<int64_t>();
  const auto steps = epoch["memory"]["reserved_bytes"].get<int64_t>();
  if (selecting["look"] == "gradients") {
    std::printf(
        "selecting by the whole gradient reserved %lld bytes, the epoch's steps %lld: "
        "%+lld bytes against what the budget leaves\n",
        static_cast<long long>(looking), static_cast<long long>(steps),
        static_cast<long long>(looking - steps));
  } else {
    std::printf("comparing outputs reserved %lld bytes beside the %lld of the epoch's steps\n",
                static_cast<long long>(looking), static_cast<long long>(steps));
  }
  std::fflush(stdout);
}

}  // namespace

nlohmann::json FinetuneRun::evaluate(const std::shared_ptr<const Dataset>& images,
                                     const std::string& split, const std::string& when) {
  if (!images) return {};
  const std::unique_ptr<Loader> loader = input_->testing(images, split + " set");
  Progress progress(parse_progress(o_.progress), concat(when, " ", split), sizing_.settings.batch);
  const EvaluationResult result = evaluate_all(*runner_, *loader, progress.listener());
  input_bytes_ = std::max(input_bytes_, input_->bytes(*loader));
  return {{"accuracy", static_cast<double>(result.correct) / static_cast<double>(result.count)},
          {"loss", result.loss_sum / static_cast<double>(result.count)},
          {"images", result.count}};
}

void FinetuneRun::evaluate_before() {
  runner_->select(UpdatePlan::head_only(net_.network.tape.convs().size()));
  try {
    (*record_)["before"] = {{"val", evaluate(data_.val, "validation", "before")},
                            {"test", evaluate(data_.test, "test", "before")}};
  } catch (const Interrupted& interruption) {
    stop(0, interruption.what());
  }
}

/// The steps of the epoch that are left: all, or those behind an interruption. Wherever it ends,
/// position_ says what is done.
void FinetuneRun::train_steps(int epoch, const std::string& label) {
  kernels::work_counters().reset();
  if (unfinished_) restore_unfinished_epoch();
  const std::unique_ptr<Loader> loader = input_->training(data_.train);
  Progress progress(parse_progress(o_.progress), label, sizing_.settings.batch);
  const auto note = [&](const EpochResult& done) {
    position_ = {done, kernels::work_counters().snapshot()};
  };
  try {
    note(train_epoch(*runner_, *loader, schedule_, epoch, progress.listener(), position_.done));
  } catch (const EpochInterrupted& interruption) {
    note(interruption.done);
    throw;
  }
  input_bytes_ = input_->bytes(*loader);
}

nlohmann::json FinetuneRun::run_epoch(int epoch) {
  const Stopwatch watch;
  probe_->begin_epoch(epoch);
  const UpdatePlan plan = strategy_->choose(epoch, *probe_);
  runner_->select(plan);
  const double select_seconds = watch.seconds();
  (*record_)["step_memory"] = step_timeline(*runner_, net_.network.tape);

  const std::string label = concat("epoch ", epoch + 1, "/", total_epochs());
  const bool steps_were_left = position_.done.steps < steps_per_epoch_;
  train_steps(epoch, label);
  const EpochResult& trained = position_.done;
  const CostModel& costs = strategy_->costs();
  const SavedBytes saved = saved_for_backward(runner_->program());
  nlohmann::json json{
      {"epoch", epoch},
      {"loss", trained.loss},
      {"train_accuracy", trained.accuracy()},
      {"steps", trained.steps},
      {"step_seconds", trained.step_seconds},
      {"input_seconds", trained.input_seconds},
      {"select_seconds", select_seconds},
      {"selection", json_of(plan, costs)},
      {"budget_used_elements", strategy_->budget_used(plan)},
      {"memory", json_of(runner_->planned())},
      {"saved_for_backward_bytes", {{"inputs", saved.inputs}, {"masks", saved.masks}}},
      {"multiply_adds",
       {{"forward", position_.work.forward},
        {"grad_input", position_.work.grad_input},
        {"grad_weight", position_.work.grad_weight}}},
      {"grad_weight_saved", costs.multiply_adds_saved(plan)}};
  if (steps_were_left && runner_->measured() != runner_->planned()) {
    fail("[memory] the arena counted other bytes than were planned; this is a bug");
  }
  json["val"] = evaluate(data_.val, "validation", label);
  json["test"] = evaluate(data_.test, "test", label);
  require_no_divergence(epoch, {trained.loss, loss_of(json["val"]), loss_of(json["test"])},
                        *net_.parameters, net_.network.options.classes);
  strategy_->end_epoch(*probe_);  // the last one too: the record tells of each what a look took
  json["selecting"] = probe_->cost();
  json["input_pipeline_bytes"] = input_bytes_;  // the most of training and both evaluations
  json["seconds"] = watch.seconds();
  return json;
}

/// As the source framework has them.
void FinetuneRun::save_weights(const fs::path& file) {
  models::save_weights(file, net_.network, *net_.parameters, data_.train->class_names(),
                       o_.model.weights);
}

/// After Ctrl-C: saves what the epoch has come to.
void FinetuneRun::stop(int epoch, const std::string& why) {
  const int64_t steps = position_.done.steps;
  // Before its first step an epoch has nothing but what the checkpoint has; after a resumption that
  // did not get as far as its steps, the file is still there.
  if (steps > 0 && !unfinished_) save_unfinished();
  throw Interrupted(concat(why, "; saved: ", epoch, " epochs and ", steps, " of the ",
                           steps_per_epoch_, " steps of the next one. Continue with\n  ",
                           o_.resume_line));
}

void FinetuneRun::run() {
  announce();
  watch_for_interrupts();
  if (!record_->json().contains("before")) evaluate_before();
  bool told_of_selecting = false;
  double best = -1;
  for (const auto& epoch : record_->json()["epochs"]) {
    if (epoch["val"].is_object()) best = std::max(best, epoch["val"]["accuracy"].get<double>());
  }
  for (int epoch = record_->epochs_done(); epoch < total_epochs(); ++epoch) {
    nlohmann::json result;
    try {
      result = run_epoch(epoch);
    } catch (const Interrupted& interruption) {
      stop(epoch, interruption.what());
    }
    print_epoch(result, total_epochs());
    if (!told_of_selecting) print_selecting(result);
    told_of_selecting = true;
    const bool is_best =
        result["val"].is_object() && result["val"]["accuracy"].get<double>() > best;
    record_->add_epoch(std::move(result));
    if (is_best) {  // by validation; never chosen on test
      best = record_->json()["epochs"].back()["val"]["accuracy"].get<double>();
      (*record_)["best_epoch"] = epoch;
      save_weights(folder_->files().best());
    }
    save_checkpoint();
    position_ = {};
    record_->write(folder_->files().record());
  }
  remove_unfinished();
  save_weights(folder_->files().weights());
  record_->write(folder_->files().record());
  const std::string weights = folder_->files().weights().string();
  std::printf("wrote %s; try `trady predict %s IMAGE`\n", weights.c_str(), weights.c_str());
}

}  // namespace trady::tools
