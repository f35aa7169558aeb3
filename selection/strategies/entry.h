// The entries of the registry in selection/strategy.cpp, one a file of this folder.
#pragma once

#include <memory>

#include "selection/strategy.h"

namespace trady {

struct StrategyEntry {
  StrategyInfo info;
  std::unique_ptr<Strategy> (*make)(StrategyContext context, const StrategyOptions& options);
};

StrategyEntry full_entry();
StrategyEntry head_entry();
StrategyEntry last_k_entry();
StrategyEntry su_entry();
StrategyEntry velocity_entry();
StrategyEntry s_det_rgn_entry();
StrategyEntry d_det_rgn_entry();
StrategyEntry d_det_raw_entry();
StrategyEntry s_full_random_entry();
StrategyEntry d_full_random_entry();
StrategyEntry s_topk_random_entry();
StrategyEntry trady_entry();

}  // namespace trady
