// A fine-tuning method is one answer to one question: which weights may this epoch update?
//
// How to add one: a file in selection/strategies/ with a `StrategyInfo` and a factory, and one line
// in the table of selection/strategy.cpp (docs/selection.md walks through an example).
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

namespace trady {

/// What a method is, without a network.
struct StrategyInfo {
  std::string name = {};             ///< as on the command line
  std::string alias = {};            ///< a second name, or empty
  std::string description = {};      ///< one sentence
  bool budgeted = false;             ///< needs a budget; the others refuse one
  bool uses_pool = false;            ///< selects from the model's top-K pool
  bool changes_every_epoch = false;  ///< `plan(epoch)` differs between epochs
  bool needs_last_k = false;         ///< needs the number of last convs
};

struct StrategyOptions {
  std::string network;                     ///< model name: finds the ranking, heads messages
  std::vector<ConvLayer> convs;            ///< forward order, shapes per sample
  std::optional<int64_t> budget_elements;  ///< B_mem per sample (selection/budget.h)
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
};

class Strategy {
 public:
  virtual ~Strategy() = default;

  /// Of one epoch, counted from 0, warm-up included. Depends on the options and the epoch alone, so
  /// a resumed run draws what the uninterrupted one would have drawn. Thread-safe.
  virtual UpdatePlan plan(int epoch) const = 0;

  /// Upper bounds over all epochs of all seeds.
  virtual DrawBounds bounds() const = 0;

  const StrategyInfo& info() const { return info_; }
  const CostModel& costs() const { return costs_; }
  /// The convs that the method selects from.
  const Pool& pool() const { return pool_; }

 protected:
  explicit Strategy(StrategyContext context);

 private:
  StrategyInfo info_;
  CostModel costs_;
  Pool pool_;
};

/// Error on an unknown name (with a suggestion), an option that the method needs and lacks, and one
/// that it would ignore.
std::unique_ptr<Strategy> make_strategy(const std::string& name, const StrategyOptions& options);

/// Of every method, in the order of docs/method.md section 4.
std::vector<StrategyInfo> strategy_infos();

}  // namespace trady
