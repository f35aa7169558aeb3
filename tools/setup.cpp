#include "tools/setup.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>

#include "engine/error.h"
#include "engine/step/worker_team.h"
#include "engine/suggest.h"
#include "models/batch_norm_modes.h"
#include "models/initialization.h"
#include "models/registry.h"
#include "models/weights.h"
#include "selection/budget.h"
#include "tools/calibration.h"
#include "tools/device.h"
#include "tools/text.h"
#include "tools/weights_file.h"

namespace trady::tools {

void train_batch_norms_by_default(ModelOptions& options) {
  if (options.batch_norm || options.model.empty()) return;
  if (models::default_options(options.model).batch_norm == BatchNormMode::folded) return;
  options.batch_norm = models::name_of(BatchNormMode::train);
}

models::ModelFile describe_model(ModelOptions& options) {
  models::ModelFile described;
  if (!options.weights.empty()) {
    options.weights = weights_file(options.weights);
    described = models::describe(open_weights(options.weights), options.model);
    if (!options.model.empty() && !described.model.empty() && options.model != described.model) {
      fail(options.weights, ": the weights are of ", described.model, ", but --model says ",
           options.model, "; leave --model out");
    }
  }
  if (options.model.empty()) options.model = described.model;
  if (options.model.empty()) {
    fail(options.weights.empty() ? "which network? Give --weights FILE or --model NAME"
                                 : "the weights file does not name its network; give --model NAME",
         "; there are ", join(models::names()));
  }
  if (options.weights.empty()) described.options = models::default_options(options.model);
  described.model = options.model;
  NetworkOptions& network = described.options;
  if (options.mix) network.mix = true;
  if (options.image_size) network.image_size = *options.image_size;
  if (options.width) network.width = *options.width;
  if (options.batch_norm) network.batch_norm = models::parse_batch_norm_mode(*options.batch_norm);
  options.mix = network.mix;
  options.image_size = network.image_size;
  options.width = network.width;
  options.batch_norm = models::name_of(network.batch_norm);
  return described;
}

LoadedNetwork load_network(ModelOptions& options, const kernels::Backend& backend,
                           std::optional<int64_t> classes, bool new_head, uint64_t seed) {
  if (options.weights.empty()) fail("--weights FILE is needed: the pretrained network");
  models::ModelFile described = describe_model(options);
  LoadedNetwork loaded;
  loaded.new_head = new_head || (classes && *classes != described.options.classes);
  if (classes) described.options.classes = *classes;
  if (!loaded.new_head) loaded.class_names = described.class_names;
  loaded.network = models::build(options.model, described.options);
  loaded.parameters = std::make_unique<Parameters>(loaded.network.tape.parameters(), backend);

  const auto file = open_weights(options.weights);
  std::set<std::string> skip;
  if (loaded.new_head) skip = head_parameters(loaded.network);
  models::load_weights(file, described, loaded.network, *loaded.parameters, skip);
  if (loaded.new_head) models::initialize_head(loaded.network, *loaded.parameters, seed);
  return loaded;
}

LoadedNetwork load_network_for(DatasetSplits& data, const DataOptions& data_options,
                               ModelOptions& options, const kernels::Backend& backend,
                               HeadChoice head, uint64_t seed) {
  if (options.weights.empty()) fail("--weights FILE is needed: the pretrained network");
  const models::ModelFile described = describe_model(options);
  const std::vector<std::string> data_names = data.train->class_names();
  const HeadDecision decision =
      decide_head(described.class_names, described.options.classes, data_names, head);
  if (!decision.note.empty()) std::fprintf(stderr, "note: %s\n", printable(decision.note).c_str());
  const bool other_labels = !decision.renew && decision.mapping.by != ClassMapping::By::order &&
                            described.class_names != data_names;
  if (other_labels) {
    for (std::shared_ptr<const Dataset>* split : {&data.train, &data.val, &data.test}) {
      if (*split) *split = relabel(*split, decision.mapping, described.class_names);
    }
  }
  const std::optional<int64_t> classes = data.train->class_count();
  if (options.calibrate_bn == 0) {
    return load_network(options, backend, classes, decision.renew, seed);
  }
  if (described.has_batch_norms || described.options.batch_norm == BatchNormMode::folded) {
    fail("--calibrate-bn puts back batch-norms that are folded into the weights, for --batch-norm ",
         "frozen or train",
         described.has_batch_norms ? concat("; ", options.weights, " has its own")
                                   : std::string(", which was not asked for"));
  }
  ModelOptions as_folded = options;
  as_folded.batch_norm = models::name_of(BatchNormMode::folded);
  const LoadedNetwork folded = load_network(as_folded, backend, classes, decision.renew, seed);
  return with_batch_norms(folded, options, backend, data.train, data_options, seed);
}

LoadedNetwork random_network(ModelOptions& options, const kernels::Backend& backend,
                             int64_t classes, uint64_t seed, double residual_scale) {
  if (!options.weights.empty()) fail("--from-scratch and --weights exclude each other");
  models::ModelFile described = describe_model(options);
  described.options.classes = classes;
  LoadedNetwork loaded;
  loaded.new_head = true;
  loaded.network = models::build(options.model, described.options);
  loaded.parameters = std::make_unique<Parameters>(loaded.network.tape.parameters(), backend);
  models::initialize_from_scratch(loaded.network, *loaded.parameters, seed, residual_scale);
  return loaded;
}

std::unique_ptr<Strategy> make_strategy(const MethodOptions& options, const Network& network) {
  StrategyOptions wanted;
  wanted.network = network.name;
  wanted.convs = network.tape.convs();
  wanted.last_k = options.last_k;
  wanted.scheme = options.scheme;
  wanted.seed = options.seed;
  if (options.paper_depthwise_cost) wanted.depthwise_cost = DepthwiseCost::one;
  if (options.pool) wanted.pool = parse_pool(*options.pool);
  if (options.budget) {
    wanted.budget_elements =
        parse_budget(*options.budget, CostModel(wanted.convs, wanted.depthwise_cost));
  }
  return trady::make_strategy(options.method, wanted);
}

int64_t optimizer_bytes(double momentum, double weight_decay, const Strategy& strategy,
                        const Parameters& parameters) {
  if ((momentum != 0 || weight_decay != 0) && strategy.info().selects_channels()) {
    fail("--momentum and --weight-decay need whole layers; use them with --method full or last-k");
  }
  return momentum == 0 ? 0 : parameters.reserved_bytes();
}

StepRequest request_of(const ModelOptions& model, const MethodOptions& method,
                       int64_t optimizer_bytes) {
  StepRequest request;
  request.batch = method.batch;
  request.threads = thread_count(model);
  request.micro_batch = method.micro_batch;
  if (method.memory_limit) {
    request.memory_limit = parse_bytes(*method.memory_limit, "--memory-limit");
  }
  request.optimizer_bytes = optimizer_bytes;
  return request;
}

std::unique_ptr<kernels::Backend> make_training_backend(const ModelOptions& described) {
  std::shared_ptr<const kernels::Team> team;
  const bool may_be_cpu = described.device == "cpu" || described.device == "auto";
  if (may_be_cpu && described.batch_norm == models::name_of(BatchNormMode::train)) {
    // They wait for each other layer by layer: more than there are cores would only wait.
    const int cores = std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
    team = std::make_shared<WorkerTeam>(std::min(thread_count(described), cores));
  }
  return make_backend(described.device, described.precision, team);
}

DatasetSplits open_data(const DataOptions& options, uint64_t seed) {
  DatasetSplits splits = open_dataset(options.data);
  if (!options.classes.empty()) select_classes(splits, options.classes);
  if (options.val_split) split_validation(splits, *options.val_split, seed);
  return splits;
}

namespace {

bool looks_at_gradients(const std::string& method) {
  const std::vector<StrategyInfo> infos = strategy_infos();
  const auto found = std::ranges::find(infos, method, &StrategyInfo::name);
  return found != infos.end() && found->looks_at == Look::gradients;
}

}  // namespace

double default_learning_rate(const ModelOptions& model, const std::string& method) {
  // The paper's. Of networks whose batch-norms are trained, trady and full learn with it
  // (bench/results/accuracy_flowers12_recipe.json); for other methods it was not measured.
  if (model.batch_norm == models::name_of(BatchNormMode::train)) return 0.125;
  // Of networks without batch-norm, from bench/results/accuracy_flowers12_rates.json (flowers12, 5
  // + 15 epochs, one seed each; docs/results.md, learning rates tried): trady learns at 0.03 and
  // 0.06 on mbv2-w0.35 and diverges at the paper's rate; what moves every layer needs less, and
  // full diverges at 0.03. On the other two full survives 0.01, but its loss jumps in the warm-up;
  // on proxyless-w0.3 it does not at 0.005. What selects by the gradient takes the channels that
  // move most: d-det-rgn and d-det-raw diverge at 0.03. Chosen by hand, without a sweep: that
  // last-k starts as full does and everything else as trady, and the rates of other models, which
  // are mbv2-w0.35's: resnet20 with frozen batch-norms takes higher ones
  // (bench/results/accuracy_flowers12_resnet20_rates.json).
  struct Rates {
    double careful, others;
  };
  static const std::map<std::string, Rates> by_model{
      {"mbv2-w0.35", {0.01, 0.03}},
      {"mcunet-5fps", {0.01, 0.03}},
      {"proxyless-w0.3", {0.005, 0.03}},
  };
  constexpr Rates kOtherModels{0.01, 0.03};
  const auto found = by_model.find(model.model);
  const Rates& rates = found == by_model.end() ? kOtherModels : found->second;
  const bool moves_much = method == "full" || method == "last-k" || looks_at_gradients(method);
  return moves_much ? rates.careful : rates.others;
}

}  // namespace trady::tools
