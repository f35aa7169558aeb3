#include "tools/plan_report.h"

#include <map>
#include <set>

#include "models/registry.h"
#include "tools/gradient_pass.h"
#include "tools/run_record.h"

namespace trady::tools {

namespace {

nlohmann::json json_of(const Work& work) {
  return {{"forward", work.forward},
          {"grad_input", work.grad_input},
          {"grad_weight", work.grad_weight}};
}

nlohmann::json json_of(const ElementCost& cost) {
  return {{"weights", cost.weights}, {"activations", cost.activations}, {"total", cost.total()}};
}

}  // namespace

PlanReport::PlanReport(PlanOptions options) : o_(std::move(options)) {
  models::ModelFile described = describe_model(o_.model);
  backend_ = make_training_backend(o_.model);
  if (o_.classes) described.options.classes = *o_.classes;
  network_ = models::build(o_.model.model, described.options);
  parameters_ = std::make_unique<Parameters>(network_.tape.parameters(), *backend_);
  strategy_ = make_strategy(o_.method, network_);
  const int64_t momentum_bytes =
      optimizer_bytes(o_.momentum, /*weight_decay=*/0, *strategy_, *parameters_);
  sizing_ = size_step(network_.tape, *backend_, *parameters_, demand_of(*strategy_),
                      request_of(o_.model, o_.method, momentum_bytes));
  kernels_ = std::make_unique<KernelCache>(*backend_);
  program_ = std::make_unique<StepProgram>(network_.tape, strategy_->plan(o_.epoch), *backend_,
                                           *kernels_, sizing_.settings);
  memory_ = planned_memory(*program_, *parameters_, momentum_bytes, sizing_.workers);
  if (strategy_->info().looks_at == Look::gradients) selecting_bytes_ = gradient_pass_bytes();
}

int64_t PlanReport::gradient_pass_bytes() const {
  const std::vector<int>& convs = strategy_->pool().convs;
  const StepProgram pass(network_.tape, gradient_pass_plan(convs, network_.tape.convs().size()),
                         *backend_, *kernels_, sizing_.settings);
  return planned_memory(pass, *parameters_, 0, sizing_.workers).reserved +
         gradient_sum_bytes(network_.tape, convs);
}

Work PlanReport::work_per_sample(const Work& of_micro_batch) const {
  const int64_t m = sizing_.settings.micro_batch;
  return {of_micro_batch.forward / m, of_micro_batch.grad_input / m,
          of_micro_batch.grad_weight / m};
}

std::vector<PlanReport::Layer> PlanReport::layers() const {
  std::map<std::string, Work> work;
  for (size_t i = 0; i < program_->steps().size(); ++i) {
    work[network_.tape.ops()[i]->name()] += program_->steps()[i]->work();
  }
  const std::set<int> pool(strategy_->pool().convs.begin(), strategy_->pool().convs.end());
  std::vector<Layer> layers;
  for (const ConvLayer& conv : strategy_->costs().convs()) {
    layers.push_back({&conv, pool.contains(conv.index), work_per_sample(work[conv.name])});
  }
  return layers;
}

int64_t PlanReport::selected(int conv) const {
  const LayerUpdate& update = program_->update().convs[static_cast<size_t>(conv)];
  if (update.kind == LayerUpdate::Kind::all) {
    return strategy_->costs().convs()[static_cast<size_t>(conv)].shape.in_c;
  }
  return static_cast<int64_t>(update.channels.size());
}

nlohmann::json PlanReport::json() const {
  const CostModel& costs = strategy_->costs();
  nlohmann::json table = nlohmann::json::array();
  for (const Layer& layer : layers()) {
    const kernels::ConvShape& s = layer.conv->shape;
    const int index = layer.conv->index;
    table.push_back(
        {{"conv", index},
         {"name", layer.conv->name},
         {"in", {s.in_h, s.in_w, s.in_c}},
         {"out", {s.out_h(), s.out_w(), s.out_c}},
         {"kernel", s.kernel},
         {"stride", s.stride},
         {"depthwise", s.depthwise},
         {"units", s.in_c},
         {"unit_elements", json_of(costs.unit(index))},
         {"unit_multiply_adds", costs.unit_multiply_adds(index)},
         {"in_pool", layer.in_pool},
         {"selected", selected(index)},
         {"bias", program_->update().convs[static_cast<size_t>(index)].train_bias},
         {"selected_elements",
          json_of(costs.layer(index, program_->update().convs[static_cast<size_t>(index)]))},
         {"multiply_adds_per_sample", json_of(layer.work)}});
  }
  const SavedBytes saved = saved_for_backward(*program_);
  const std::optional<int64_t>& budget = strategy_->budget_elements();
  return {
      {"format", "trady plan"},
      {"format_version", 1},
      {"model", network_.name},
      {"image_size", network_.options.image_size},
      {"classes", network_.options.classes},
      {"device", backend_->name()},
      {"isa", backend_->isa()},
      {"method", strategy_->info().name},
      {"pool", strategy_->pool().description},
      {"budget_elements", budget ? nlohmann::json(*budget) : nlohmann::json()},
      {"network_elements", json_of(costs.network())},
      {"seed", o_.method.seed},
      {"epoch", o_.epoch},
      {"selection_elements", json_of(costs.plan(program_->update()))},
      {"batch", sizing_.settings.batch},
      {"micro_batch", sizing_.settings.micro_batch},
      {"peak_bound_bytes", sizing_.bytes},
      {"selecting_bytes", selecting_bytes_},
      {"memory", tools::json_of(memory_)},
      {"saved_for_backward_bytes", {{"inputs", saved.inputs}, {"masks", saved.masks}}},
      {"multiply_adds_per_sample", json_of(work_per_sample(program_->work()))},
      {"grad_weight_saved",
       {{"output_positions", costs.multiply_adds_saved(program_->update())},
        {"input_positions",
         costs.multiply_adds_saved(program_->update(), ComputeCost::input_positions)}}},
      {"layers", std::move(table)},
  };
}

}  // namespace trady::tools
