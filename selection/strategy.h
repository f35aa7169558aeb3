// A fine-tuning method is one answer to one question: which weights may this epoch update?
//
// How to add one: a file in selection/strategies/ with a `StrategyInfo` and a factory, its
// declaration in strategies/entry.h and one line in the table of selection/strategy.cpp
// (docs/selection.md walks through an example).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/conv_layer.h"
#include "engine/update_plan.h"
#include "selection/cost_model.h"
#include "selection/draw_bounds.h"
#include "selection/pool.h"
#include "selection/selection_probe.h"

namespace trady {

/// What a method is, without a network.
struct StrategyInfo {
  std::string name = {};             ///< as on the command line
  std::string alias = {};            ///< a second name, or empty
  std::string description = {};      ///< one sentence
  bool budgeted = false;             ///< has a budget; the others refuse one
  bool weight_budget = false;        ///< which bounds weights alone: it selects output channels
  bool uses_pool = false;            ///< selects from the model's top-K pool
  bool changes_every_epoch = false;  ///< selects again before every epoch
  bool needs_last_k = false;         ///< needs the number of last convs
  bool takes_scheme = false;         ///< knows SU's schemes; the others refuse one
  Look looks_at = Look::nothing;     ///< before it selects

  /// Rather than whole layers.
  bool selects_channels() const { return budgeted || looks_at != Look::nothing; }
};

struct StrategyOptions {
  std::string network;                     ///< model name: finds the ranking, heads messages
  std::vector<ConvLayer> convs;            ///< forward order, shapes per sample
  std::optional<int64_t> budget_elements;  ///< B_mem per sample (selection/budget.h)
  std::optional<std::string> scheme;       ///< of SU; absent: the smallest of the network
  std::optional<PoolSpec> pool;            ///< absent: the model's default
  std::optional<int> last_k;
  uint64_t seed = 0;
  DepthwiseCost depthwise_cost = DepthwiseCost::kernel_area;
};

/// What every method is built from; `make_strategy` fills it.
struct StrategyContext {
  StrategyInfo info;
  CostModel costs;
  Pool pool;  ///< every conv for methods without a pool
  std::optional<int64_t> budget_elements;
};

class Strategy {
 public:
  virtual ~Strategy() = default;

  /// What one epoch, counted from 0 with the warm-up, may update; to be asked in order of epochs.
  /// Methods that look at nothing answer plan(epoch). Those that select once answer what they chose
  /// first.
  UpdatePlan choose(int epoch, SelectionProbe& probe);
  /// To be told after every epoch, before its state() is saved.
  virtual void end_epoch(SelectionProbe&) {}

  /// What choose() goes by beside options, epoch and probe, as text; empty: nothing. A resumed run
  /// restores it and then chooses as the uninterrupted one. Error, beginning with `origin`, on a
  /// text that is not of this method and network.
  virtual std::string state() const;
  virtual void restore(const std::string& state, const std::string& origin);

  /// The same without a look, from options and epoch alone: of methods that look at nothing what
  /// they choose, of the others a stand-in of the same kind and within the same bounds, for plans
  /// and measurements. Thread-safe.
  virtual UpdatePlan plan(int epoch) const = 0;

  /// Upper bounds over all epochs, of all seeds and of whatever can be seen.
  virtual DrawBounds bounds() const = 0;

  const StrategyInfo& info() const { return info_; }
  const CostModel& costs() const { return costs_; }
  /// The convs that the method selects from.
  const Pool& pool() const { return pool_; }
  /// Of budgeted methods: elements per sample, or weights where `weight_budget`.
  const std::optional<int64_t>& budget_elements() const { return budget_elements_; }
  /// What counts against it.
  int64_t budget_used(const UpdatePlan& plan) const;

 protected:
  explicit Strategy(StrategyContext context);
  /// The choice of an epoch, for methods that look at something.
  virtual UpdatePlan look_and_choose(int epoch, SelectionProbe& probe) const;

 private:
  bool keeps_its_choice() const;

  StrategyInfo info_;
  CostModel costs_;
  Pool pool_;
  std::optional<int64_t> budget_elements_;
  std::optional<UpdatePlan> kept_;  // what was chosen once, where looking again would show another
};

/// Error on an unknown name (with a suggestion), an option that the method needs and lacks, and one
/// that it would ignore.
std::unique_ptr<Strategy> make_strategy(const std::string& name, const StrategyOptions& options);

/// Of one, by its name or its second name; Error on an unknown one, with a suggestion.
StrategyInfo strategy_info(const std::string& name);
/// Of every method, in the order of docs/method.md section 4.
std::vector<StrategyInfo> strategy_infos();

}  // namespace trady
