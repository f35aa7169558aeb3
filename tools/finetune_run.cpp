#include "tools/finetune_run.h"

#include <cstdio>

#include "engine/error.h"
#include "models/model_file.h"
#include "tools/inference.h"
#include "tools/json_output.h"
#include "tools/run_inputs.h"
#include "tools/text.h"
#include "tools/version.h"

namespace trady::tools {

FinetuneRun::FinetuneRun(const FinetuneOptions& options) : o_(options) {
  if (total_epochs() == 0) fail("--epochs and --warmup are both 0: there is nothing to train");
  if (o_.training.from_scratch) train_batch_norms_by_default(o_.model);
  describe_model(o_.model);
  backend_ = make_training_backend(o_.model);
  require_arithmetic(*backend_);
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
  open_strategy();
  if (record_) record_->require_same_inputs(inputs_, o_.out);
  size_steps();
  plan_schedule();
  open_probe();
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
  (*record_)["options"] = o_.given;
  (*record_)["inputs"] = inputs_;
  const CostModel& costs = strategy_->costs();
  (*record_)["network"] = {{"model", net_.network.name},
                           {"image_size", net_.network.options.image_size},
                           {"classes", net_.network.options.classes},
                           {"new_head", net_.new_head},
                           {"elements", costs.network().total()}};
  if (strategy_->budget_elements()) {
    (*record_)["budget_elements"] = *strategy_->budget_elements();
  }
  if (held_out_) (*record_)["inputs"]["held_out_images"] = held_out_->size();
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
  if (checkpoint_) checkpoint_->load_weights(*net_.parameters);
}

/// The method, and what a resumed run knows of its selections.
void FinetuneRun::open_strategy() {
  strategy_ = make_strategy(o_.method, net_.network);
  inputs_["pool"] = strategy_->pool().convs;
  if (strategy_->info().looks_at == Look::outputs) {
    held_out_ = hold_out(data_, kHeldOutImages, o_.method.seed);
  }
  if (checkpoint_)
    strategy_->restore(checkpoint_->selection(), folder_->files().checkpoint().string());
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
    checkpoint_->load_momentum(*runner_->optimizer().velocity());
  }
}

void FinetuneRun::plan_schedule() {
  input_ = std::make_unique<InputPipeline>(o_.model, o_.data, net_.network.options.image_size,
                                           sizing_.settings, o_.method.seed);
  input_->note_cut(*data_.train);
  steps_per_epoch_ = input_->training(data_.train)->batches_per_epoch();
  schedule_ = {*o_.training.learning_rate, steps_per_epoch_ * o_.training.warmup,
               steps_per_epoch_ * total_epochs()};
  if (unfinished_) position_ = position_in(*unfinished_);
}

void FinetuneRun::open_probe() {
  probe_ = std::make_unique<RunProbe>(RunProbe::Run{net_.network, *net_.parameters, *runner_,
                                                    *input_, data_.train, sizing_.settings.batch,
                                                    parse_progress(o_.progress)});
  if (!held_out_) return;
  const StepSettings one_by_one;  // and as pixels
  probe_->watch_outputs(
      held_out_, std::make_unique<InputPipeline>(o_.model, o_.data, net_.network.options.image_size,
                                                 one_by_one, o_.method.seed));
}

void FinetuneRun::announce() const {
  const Strategy& s = *strategy_;
  const bool shares = backend_->threads() > 1;
  const int hands = shares ? backend_->threads() : sizing_.workers;
  std::printf("%s, %lld x %lld px, %lld classes%s; %s on %s (%s), %d %s%s, micro-batch %lld\n",
              net_.network.name.c_str(), static_cast<long long>(net_.network.options.image_size),
              static_cast<long long>(net_.network.options.image_size),
              static_cast<long long>(net_.network.options.classes),
              net_.new_head ? " (new classifier)" : "", s.info().name.c_str(),
              backend_->name().c_str(), backend_->isa().c_str(), hands,
              shares ? "thread" : "worker", hands == 1 ? "" : "s",
              static_cast<long long>(sizing_.settings.micro_batch));
  std::printf("%lld training images%s%s; learning rate %g; a step reserves at most %s (%s)\n",
              static_cast<long long>(data_.train->size()),
              data_.val ? concat(", ", data_.val->size(), " validation").c_str() : "",
              data_.test ? concat(", ", data_.test->size(), " test").c_str() : "",
              schedule_.peak_learning_rate, mebibytes(static_cast<double>(sizing_.bytes)).c_str(),
              sizing_.why.c_str());
  std::fflush(stdout);
}

}  // namespace trady::tools
