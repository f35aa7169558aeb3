// trady finetune: adapt a pretrained network to new images under a memory budget.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "engine/checkpoint.h"
#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/trainer.h"
#include "kernels/work_counters.h"
#include "selection/budget.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/run_record.h"
#include "tools/setup.h"
#include "tools/version.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kCheckpointFile = "checkpoint.safetensors";
constexpr const char* kWeightsFile = "weights.safetensors";
constexpr const char* kBestFile = "best.safetensors";
constexpr const char* kRecordFile = "run.json";

struct FinetuneOptions {
  ModelOptions model;
  MethodOptions method;
  DataOptions data;
  TrainingOptions training;
  std::string out;
  bool resume = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Finetune {
 public:
  explicit Finetune(const FinetuneOptions& options);
  void run();

 private:
  void open_out();
  void prepare_network();
  void size_steps();
  void open_loaders();
  void announce() const;
  nlohmann::json run_epoch(int epoch);
  nlohmann::json evaluate(Loader* loader, const std::string& label);
  void save(const char* file, bool resumable);
  int total_epochs() const { return o_.training.warmup + o_.training.epochs; }

  FinetuneOptions o_;
  nlohmann::json settings_;
  std::optional<RunRecord> record_;
  std::unique_ptr<SafetensorsFile> checkpoint_;

  DatasetSplits data_;
  std::unique_ptr<kernels::Backend> backend_;
  LoadedNetwork net_;
  std::unique_ptr<Strategy> strategy_;
  StepSizing sizing_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<Loader> train_, val_, test_;
  Schedule schedule_;
};

Finetune::Finetune(const FinetuneOptions& options) : o_(options) {
  if (!o_.training.learning_rate) {
    o_.training.learning_rate = default_learning_rate(o_.method.method);
  }
  if (total_epochs() == 0) fail("--epochs and --warmup are both 0: there is nothing to train");
  settings_ = settings_json(o_.model, o_.method, o_.data, o_.training);
  open_out();
  data_ = open_data(o_.data, o_.method.seed);
  if (!data_.train) fail(o_.data.data, ": there are no training images; expected a folder train/");
  backend_ = make_backend(o_.model.device);
  prepare_network();
  strategy_ = make_strategy(o_.method, net_.network);
  size_steps();
  open_loaders();
  if (!record_) {
    record_ = RunRecord(settings_, {{"build", build_description()},
                                    {"device", backend_->name()},
                                    {"isa", backend_->isa()},
                                    {"micro_batch", sizing_.settings.micro_batch}});
    const CostModel& costs = strategy_->costs();
    (*record_)["network"] = {{"model", net_.network.name},
                             {"image_size", net_.network.options.image_size},
                             {"classes", net_.network.options.classes},
                             {"elements", costs.network().total()}};
    if (o_.method.budget) {
      (*record_)["budget_elements"] = parse_budget(*o_.method.budget, costs);
    }
  }
}

/// Creates the folder, or finds what an interrupted run left there.
void Finetune::open_out() {
  const fs::path checkpoint = fs::path(o_.out) / kCheckpointFile;
  if (fs::exists(checkpoint)) {
    if (!o_.resume) {
      fail(o_.out, ": holds a run already; continue it with --resume or choose another --out");
    }
    checkpoint_ = std::make_unique<SafetensorsFile>(SafetensorsFile::open(checkpoint));
    const auto text = checkpoint_->metadata().find("run");
    if (text == checkpoint_->metadata().end()) {
      fail(checkpoint.string(), ": is not a checkpoint of a run; choose another --out");
    }
    record_ = RunRecord::parse(text->second, checkpoint.string());
    record_->require_same_settings(settings_, o_.out);
    // Fixed once a run: another micro-batch would round differently.
    o_.method.micro_batch = (*record_)["environment"].value("micro_batch", int64_t{1});
    return;
  }
  std::error_code error;
  fs::create_directories(o_.out, error);
  if (error) fail("--out ", o_.out, ": cannot create the folder (", error.message(), ")");
  if (o_.resume) std::printf("%s holds no checkpoint yet: starting anew\n", o_.out.c_str());
}

void Finetune::prepare_network() {
  const int64_t classes = data_.train->class_count();
  net_ =
      o_.training.from_scratch
          ? random_network(o_.model, *backend_, classes, o_.method.seed, o_.training.residual_scale)
          : load_network(o_.model, *backend_, classes, o_.training.new_head, o_.method.seed);
  if (checkpoint_) load_parameters(*checkpoint_, *net_.parameters, {}, "model/");
}

void Finetune::size_steps() {
  const bool plain_sgd = o_.training.momentum == 0;
  if ((!plain_sgd || o_.training.weight_decay != 0) && strategy_->info().budgeted) {
    fail("--momentum and --weight-decay need whole layers; use them with --method full or last-k");
  }
  const int64_t optimizer_bytes = plain_sgd ? 0 : net_.parameters->reserved_bytes();
  sizing_ = size_step(net_.network.tape, *backend_, *net_.parameters, demand_of(*strategy_),
                      request_of(o_.model, o_.method, optimizer_bytes));
  const OptimizerSettings optimizer{o_.training.momentum, o_.training.weight_decay,
                                    o_.training.clip_norm};
  runner_ = std::make_unique<StepRunner>(net_.network.tape, *backend_, *net_.parameters, optimizer,
                                         sizing_.settings, sizing_.workers);
  if (checkpoint_ && runner_->optimizer().velocity()) {
    load_parameters(*checkpoint_, *runner_->optimizer().velocity(), {}, "momentum/");
  }
}

void Finetune::open_loaders() {
  const auto budget = std::make_shared<CacheBudget>(parse_bytes(o_.data.cache, "--cache"));
  LoaderOptions training = LoaderOptions::training(), testing = LoaderOptions::testing();
  for (LoaderOptions* options : {&training, &testing}) {
    options->transform = {static_cast<int>(net_.network.options.image_size),
                          parse_recipe(o_.data.recipe)};
    options->batch_size = o_.method.batch;
    options->seed = o_.method.seed;
    options->threads = thread_count(o_.model);
  }
  const auto open = [&](const std::shared_ptr<const Dataset>& set, const LoaderOptions& options) {
    return set ? std::make_unique<Loader>(std::make_shared<DecodedCache>(set, budget), options)
               : nullptr;
  };
  train_ = open(data_.train, training);
  val_ = open(data_.val, testing);
  test_ = open(data_.test, testing);
  const int64_t steps = train_->batches_per_epoch();
  schedule_ = {*o_.training.learning_rate, steps * o_.training.warmup, steps * total_epochs()};
}

void Finetune::announce() const {
  const Strategy& s = *strategy_;
  std::printf("%s, %lld x %lld px, %lld classes%s; %s on %s (%s), %d worker%s, micro-batch %lld\n",
              net_.network.name.c_str(), static_cast<long long>(net_.network.options.image_size),
              static_cast<long long>(net_.network.options.image_size),
              static_cast<long long>(net_.network.options.classes),
              net_.new_head ? " (new classifier)" : "", s.info().name.c_str(),
              backend_->name().c_str(), backend_->isa().c_str(), sizing_.workers,
              sizing_.workers == 1 ? "" : "s",
              static_cast<long long>(sizing_.settings.micro_batch));
  std::printf("%lld training images%s%s; learning rate %g; step memory at most %.2f MB (%s)\n",
              static_cast<long long>(data_.train->size()),
              data_.val ? concat(", ", data_.val->size(), " validation").c_str() : "",
              data_.test ? concat(", ", data_.test->size(), " test").c_str() : "",
              schedule_.peak_learning_rate, static_cast<double>(sizing_.bytes) / 1e6,
              sizing_.why.c_str());
  std::fflush(stdout);
}

nlohmann::json Finetune::evaluate(Loader* loader, const std::string& label) {
  if (!loader) return {};
  Progress progress(label, sizing_.settings.batch);
  const EvaluationResult result = evaluate_all(*runner_, *loader, progress.listener());
  return {{"accuracy", static_cast<double>(result.correct) / static_cast<double>(result.count)},
          {"loss", result.loss_sum / static_cast<double>(result.count)},
          {"images", result.count}};
}

nlohmann::json Finetune::run_epoch(int epoch) {
  const auto started = Clock::now();
  UpdatePlan plan = strategy_->plan(epoch);
  runner_->select(plan);
  const double select_seconds = seconds_since(started);

  const std::string label = concat("epoch ", epoch + 1, "/", total_epochs());
  kernels::work_counters().reset();
  EpochResult trained;
  {
    Progress progress(label, sizing_.settings.batch);
    trained = train_epoch(*runner_, *train_, schedule_, epoch, progress.listener());
  }
  const auto& work = kernels::work_counters();
  const CostModel& costs = strategy_->costs();
  const int64_t head_multiply_adds =
      net_.parameters->specs()[net_.parameters->find("classifier.weight")].elements;
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
      {"input_pipeline_bytes", train_->pipeline_bytes()},
      {"multiply_adds",
       {{"forward", work.forward.load()},
        {"grad_input", work.grad_input.load()},
        {"grad_weight", work.grad_weight.load()},
        {"grad_weight_dense",
         (costs.network_multiply_adds() + head_multiply_adds) * trained.steps * o_.method.batch}}}};
  if (runner_->measured() != runner_->planned()) {
    fail("[memory] the arena counted other bytes than were planned; this is a bug");
  }
  json["val"] = evaluate(val_.get(), label + " validation");
  json["test"] = evaluate(test_.get(), label + " test");
  json["seconds"] = seconds_since(started);
  return json;
}

/// Weights in the layout of the source framework; a resumable file holds the record too.
void Finetune::save(const char* file, bool resumable) {
  auto metadata = models::metadata_of(net_.network, data_.train->class_names());
  std::vector<SavedParameters> sets{{net_.parameters.get(), resumable ? "model/" : ""}};
  if (resumable) {
    metadata["run"] = record_->text();
    if (Parameters* velocity = runner_->optimizer().velocity()) {
      sets.push_back({velocity, "momentum/"});
    }
  }
  save_parameters(fs::path(o_.out) / file, sets, metadata);
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

void Finetune::run() {
  announce();
  const fs::path record_path = fs::path(o_.out) / kRecordFile;
  if (record_->epochs_done() == 0) {
    runner_->select(strategy_->plan(0));
    (*record_)["before"] = {{"val", evaluate(val_.get(), "validation before")},
                            {"test", evaluate(test_.get(), "test before")}};
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
      save(kBestFile, /*resumable=*/false);
    }
    save(kCheckpointFile, /*resumable=*/true);
    record_->write(record_path);
  }
  save(kWeightsFile, /*resumable=*/false);
  record_->write(record_path);
  std::printf("wrote %s; try `trady predict %s IMAGE`\n", (fs::path(o_.out) / kWeightsFile).c_str(),
              (fs::path(o_.out) / kWeightsFile).c_str());
}

}  // namespace

void add_finetune(CLI::App& app) {
  const auto options = std::make_shared<FinetuneOptions>();
  CLI::App* command =
      app.add_subcommand("finetune", "Adapt a pretrained network to new images under a budget");
  add_model_options(*command, options->model);
  add_method_options(*command, options->method);
  add_data_options(*command, options->data);
  add_training_options(*command, options->training);
  command->add_option("--out", options->out, "folder for run.json, checkpoint and weights")
      ->required();
  command->add_flag("--resume", options->resume, "continue the run in --out after its last epoch");
  command->footer(
      "Examples:\n"
      "  The method of the paper, with its smallest budget:\n"
      "    trady finetune --weights mbv2.safetensors --data flowers --method trady \\\n"
      "          --budget 27946 --epochs 15 --warmup 5 --lr 0.03 --out runs/flowers\n"
      "  The same in at most 4.5 MiB, everything counted:\n"
      "    trady finetune ... --memory-limit 4.5MiB\n"
      "  Only the classifier, as a baseline:\n"
      "    trady finetune --weights mbv2.safetensors --data flowers --method head --out runs/head\n"
      "  After a power cut: the same command with --resume.\n"
      "`trady plan` shows costs and memory before anything runs.");
  command->callback([options] { Finetune(*options).run(); });
}

}  // namespace trady::tools
