// The epochs of a run of `trady finetune`: select, train, evaluate, save.
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
  Progress progress(concat(when, " ", split), sizing_.settings.batch);
  const EvaluationResult result = evaluate_all(*runner_, *loader, progress.listener());
  input_bytes_ = std::max(input_bytes_, input_->bytes(*loader));
  return {{"accuracy", static_cast<double>(result.correct) / static_cast<double>(result.count)},
          {"loss", result.loss_sum / static_cast<double>(result.count)},
          {"images", result.count}};
}

nlohmann::json FinetuneRun::run_epoch(int epoch) {
  const Stopwatch watch;
  probe_->begin_epoch(epoch);
  const UpdatePlan plan = strategy_->choose(epoch, *probe_);
  runner_->select(plan);
  const double select_seconds = watch.seconds();
  (*record_)["step_memory"] = step_timeline(*runner_, net_.network.tape);

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
      {"budget_used_elements", strategy_->budget_used(plan)},
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
  strategy_->end_epoch(*probe_);
  json["selecting"] = probe_->cost();
  json["input_pipeline_bytes"] = input_bytes_;  // the most of training and both evaluations
  json["seconds"] = watch.seconds();
  return json;
}

/// What memory holds, and the record: what --resume goes on from.
void FinetuneRun::save_checkpoint() {
  auto metadata = models::metadata_of(net_.network, data_.train->class_names());
  metadata["run"] = record_->text();
  if (const std::string state = strategy_->state(); !state.empty()) {
    metadata[kSelectionState] = state;
  }
  std::vector<SavedParameters> sets{{net_.parameters.get(), "model/"}};
  if (const Parameters* velocity = runner_->optimizer().velocity()) {
    sets.push_back({velocity, "momentum/"});
  }
  save_parameters(folder_->checkpoint(), sets, metadata);
}

/// As the source framework has them.
void FinetuneRun::save_weights(const fs::path& file) {
  models::save_weights(file, net_.network, *net_.parameters, data_.train->class_names(),
                       o_.model.weights);
}

void FinetuneRun::run() {
  announce();
  watch_for_interrupts();
  if (record_->epochs_done() == 0) {
    runner_->select(UpdatePlan::head_only(net_.network.tape.convs().size()));
    (*record_)["before"] = {{"val", evaluate(data_.val, "validation", "before")},
                            {"test", evaluate(data_.test, "test", "before")}};
  }
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
      throw Interrupted(concat(interruption.what(), " of epoch ", epoch + 1, "; ", epoch,
                               " epochs are saved, continue with the same command and --resume"));
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
