// A plan as text for people.
#include <cstdio>

#include "engine/error.h"
#include "tools/plan_report.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

/// What is shown in place of a selection that needs a look at what a plan has not got.
const char* stand_in_note(Look look) {
  switch (look) {
    case Look::nothing:
      return "";
    case Look::weights:
      return "  the channels are those of the largest pretrained weights; their costs are equal\n";
    default:
      return "  the selection needs the training images: a random draw stands for it here\n";
  }
}

}  // namespace

void PlanReport::print_layers() const {
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
               {strategy_->info().weight_budget ? "neurons" : "drawn"},
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

void PlanReport::print_memory() const {
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
  if (selecting_bytes_ > 0) {
    std::printf("  selecting by the whole gradient of the pool reserves %s, %s more than a step\n",
                thousands(selecting_bytes_).c_str(),
                thousands(selecting_bytes_ - memory_.reserved).c_str());
  }
}

void PlanReport::print_work() const {
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

void PlanReport::print() const {
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
  if (const auto& budget = strategy_->budget_elements()) {
    std::printf("  budget     %12s%s\n", thousands(*budget).c_str(),
                strategy_->info().weight_budget ? ", of weights alone" : "");
  }
  std::fputs(stand_in_note(strategy_->info().looks_at), stdout);
  print_memory();
  print_work();
}

}  // namespace trady::tools
