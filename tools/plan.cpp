// trady plan: what a method will cost on a network, before any data is read.
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "engine/error.h"
#include "engine/step/memory_report.h"
#include "models/registry.h"
#include "selection/budget.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/run_record.h"
#include "tools/setup.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

struct PlanOptions {
  ModelOptions model;
  MethodOptions method;
  std::optional<int64_t> classes;
  double momentum = 0;
  int epoch = 0;
  std::string json;
};

/// Everything that the command computes; text and JSON only show it.
class Plan {
 public:
  explicit Plan(PlanOptions options);
  nlohmann::json json() const;
  void print() const;

 private:
  struct Layer {
    const ConvLayer* conv = nullptr;
    bool in_pool = false;
    Work work;  // per sample
  };
  std::vector<Layer> layers() const;
  Work work_per_sample(const Work& of_micro_batch) const;
  int64_t selected(int conv) const;
  void print_layers() const;
  void print_memory() const;
  void print_work() const;

  PlanOptions o_;
  std::unique_ptr<kernels::Backend> backend_;
  Network network_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<Strategy> strategy_;
  StepSizing sizing_;
  std::unique_ptr<KernelCache> kernels_;
  std::unique_ptr<StepProgram> program_;
  MemoryReport memory_;
};

Plan::Plan(PlanOptions options) : o_(std::move(options)) {
  backend_ = make_backend(o_.model.device);
  models::ModelFile described = describe_model(o_.model);
  if (o_.classes) described.options.classes = *o_.classes;
  network_ = models::build(o_.model.model, described.options);
  parameters_ = std::make_unique<Parameters>(network_.tape.parameters(), backend_->dtype());
  strategy_ = make_strategy(o_.method, network_);
  const int64_t momentum_bytes =
      optimizer_bytes(o_.momentum, /*weight_decay=*/0, *strategy_, *parameters_);
  sizing_ = size_step(network_.tape, *backend_, *parameters_, demand_of(*strategy_),
                      request_of(o_.model, o_.method, momentum_bytes));
  kernels_ = std::make_unique<KernelCache>(*backend_);
  program_ = std::make_unique<StepProgram>(network_.tape, strategy_->plan(o_.epoch), *backend_,
                                           *kernels_, sizing_.settings);
  memory_ = planned_memory(*program_, *parameters_, momentum_bytes, sizing_.workers);
}

Work Plan::work_per_sample(const Work& of_micro_batch) const {
  const int64_t m = sizing_.settings.micro_batch;
  return {of_micro_batch.forward / m, of_micro_batch.grad_input / m,
          of_micro_batch.grad_weight / m};
}

std::vector<Plan::Layer> Plan::layers() const {
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

int64_t Plan::selected(int conv) const {
  const LayerUpdate& update = program_->update().convs[static_cast<size_t>(conv)];
  if (update.kind == LayerUpdate::Kind::all) {
    return strategy_->costs().convs()[static_cast<size_t>(conv)].shape.in_c;
  }
  return static_cast<int64_t>(update.channels.size());
}

nlohmann::json json_of(const Work& work) {
  return {{"forward", work.forward},
          {"grad_input", work.grad_input},
          {"grad_weight", work.grad_weight}};
}

nlohmann::json json_of(const ElementCost& cost) {
  return {{"weights", cost.weights}, {"activations", cost.activations}, {"total", cost.total()}};
}

nlohmann::json Plan::json() const {
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
         {"selected_elements",
          json_of(costs.layer(index, program_->update().convs[static_cast<size_t>(index)]))},
         {"multiply_adds_per_sample", json_of(layer.work)}});
  }
  const SavedBytes saved = saved_for_backward(*program_);
  const auto& method = o_.method;
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
      {"budget_elements",
       method.budget ? nlohmann::json(parse_budget(*method.budget, costs)) : nlohmann::json()},
      {"network_elements", json_of(costs.network())},
      {"seed", method.seed},
      {"epoch", o_.epoch},
      {"selection_elements", json_of(costs.plan(program_->update()))},
      {"batch", sizing_.settings.batch},
      {"micro_batch", sizing_.settings.micro_batch},
      {"peak_bound_bytes", sizing_.bytes},
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

void Plan::print_layers() const {
  using Align = Table::Align;
  const CostModel& costs = strategy_->costs();
  Table table({{"conv"},
               {"name", Align::left},
               {"kernel", Align::left},
               {"input", Align::left},
               {"units"},
               {"out"},
               {"theta"},
               {"= weights"},
               {"+ input"},
               {"pool", Align::left},
               {"drawn"},
               {"elements"},
               {"dW MACs"}});
  for (const Layer& layer : layers()) {
    const kernels::ConvShape& s = layer.conv->shape;
    const int index = layer.conv->index;
    const ElementCost unit = costs.unit(index);
    const int64_t drawn = selected(index);
    const auto if_drawn = [&](int64_t value) { return drawn > 0 ? thousands(value) : ""; };
    table.add(
        {concat(index), layer.conv->name,
         concat(s.kernel, "x", s.kernel, s.depthwise ? " dw" : "",
                s.stride > 1 ? concat(" /", s.stride) : ""),
         concat(s.in_h, "x", s.in_w), concat(s.in_c), concat(s.out_c), thousands(unit.total()),
         thousands(unit.weights), thousands(unit.activations), layer.in_pool ? "yes" : "",
         if_drawn(drawn),
         if_drawn(costs.layer(index, program_->update().convs[static_cast<size_t>(index)]).total()),
         if_drawn(layer.work.grad_weight)});
  }
  std::fputs(table.text().c_str(), stdout);
}

void Plan::print_memory() const {
  Table table({{"bytes at the fullest moment", Table::Align::left},
               {"shared"},
               {"per worker"},
               {"together"}});
  const CategoryBytes peak = memory_.peak();
  const auto row = [&](const std::string& name, int64_t shared, int64_t worker, int64_t all) {
    table.add({name, thousands(shared), thousands(worker), thousands(all)});
  };
  for (int i = 0; i < kMemoryCategories; ++i) {
    const auto category = static_cast<MemoryCategory>(i);
    if (peak[category] == 0) continue;
    row(std::string(kMemoryCategoryNames[static_cast<size_t>(i)]), memory_.shared[category],
        memory_.lane_peak[category], peak[category]);
  }
  row("live", memory_.shared.total(), memory_.lane_peak.total(), peak.total());
  table.add({"alignment and gaps", "", "", thousands(memory_.reserved - peak.total())});
  table.add({"reserved", "", "", thousands(memory_.reserved)});
  std::printf("\nMemory of a step (%d worker%s, micro-batch %lld; %s)\n", sizing_.workers,
              sizing_.workers == 1 ? "" : "s", static_cast<long long>(sizing_.settings.micro_batch),
              sizing_.why.c_str());
  std::fputs(table.text("  ").c_str(), stdout);
  const SavedBytes saved = saved_for_backward(*program_);
  std::printf(
      "  the largest draw reserves at most %s\n"
      "  saved for backward by one micro-batch: %s (inputs %s, masks %s)\n",
      thousands(sizing_.bytes).c_str(), thousands(saved.total()).c_str(),
      thousands(saved.inputs).c_str(), thousands(saved.masks).c_str());
}

void Plan::print_work() const {
  const CostModel& costs = strategy_->costs();
  const Work work = work_per_sample(program_->work());
  std::printf(
      "\nMultiply-adds (MACs) per sample, classifier included\n"
      "  forward     %15s\n  grad_input  %15s\n  grad_weight %15s\n"
      "  of the convs' dense dW (%s) %s are saved; %s when counted at input positions, as the "
      "paper does\n",
      thousands(work.forward).c_str(), thousands(work.grad_input).c_str(),
      thousands(work.grad_weight).c_str(), thousands(costs.network_multiply_adds()).c_str(),
      percent(costs.multiply_adds_saved(program_->update()), 2).c_str(),
      percent(costs.multiply_adds_saved(program_->update(), ComputeCost::input_positions), 2)
          .c_str());
}

void Plan::print() const {
  const CostModel& costs = strategy_->costs();
  const auto size = static_cast<long long>(network_.options.image_size);
  std::printf("%s, %lld x %lld px, %lld classes; %s on %s (%s), batch %lld\n",
              network_.name.c_str(), size, size, static_cast<long long>(network_.options.classes),
              strategy_->info().name.c_str(), backend_->name().c_str(), backend_->isa().c_str(),
              static_cast<long long>(sizing_.settings.batch));
  if (strategy_->info().uses_pool) {
    std::printf("pool: %s\n", strategy_->pool().description.c_str());
  }
  std::printf("\n");
  print_layers();

  const ElementCost network = costs.network();
  const ElementCost drawn = costs.plan(program_->update());
  std::printf(
      "\nElements per sample\n  network    %12s = %s weights + %s inputs\n"
      "  selection  %12s = %s weights + %s inputs (epoch %d, seed %llu)\n",
      thousands(network.total()).c_str(), thousands(network.weights).c_str(),
      thousands(network.activations).c_str(), thousands(drawn.total()).c_str(),
      thousands(drawn.weights).c_str(), thousands(drawn.activations).c_str(), o_.epoch,
      static_cast<unsigned long long>(o_.method.seed));
  if (o_.method.budget) {
    std::printf("  budget     %12s\n", thousands(parse_budget(*o_.method.budget, costs)).c_str());
  }
  print_memory();
  print_work();
}

}  // namespace

void add_plan(CLI::App& app) {
  const auto options = std::make_shared<PlanOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Costs, memory and work of a method, without any data");
  add_model_options(*command, options->model);
  add_method_options(*command, options->method);
  command
      ->add_option("--classes-count", options->classes,
                   "of the classifier (default: what --weights says, else 1000)")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--momentum", options->momentum, "of SGD, for its memory")
      ->check(CLI::Range(0.0, 0.9999))
      ->capture_default_str();
  command->add_option("--epoch", options->epoch, "whose draw to show, counted from 0")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  add_json_option(*command, options->json);
  command->footer(
      "Examples:\n"
      "  The smallest budget of the paper, fine-tuning to 12 classes:\n"
      "    trady plan --weights mbv2.safetensors --classes-count 12 --budget 27946\n"
      "  What full fine-tuning would take, for comparison; no weights are needed:\n"
      "    trady plan --model mbv2-w0.35 --classes-count 12 --method full\n"
      "  Whether a step fits in 4.5 MiB, and what gives way for that:\n"
      "    trady plan --model mbv2-w0.35 --budget 27946 --memory-limit 4.5MiB\n"
      "A unit is one input channel of one conv; theta is what updating it costs per sample.");
  command->callback([options] {
    if (!options->json.empty()) require_writable("--json", options->json);
    const Plan plan(*options);
    plan.print();
    write_json(options->json, plan.json());
  });
}

}  // namespace trady::tools
