// Networks with the methods that may train them.
#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "models/registry.h"
#include "selection/ranking.h"
#include "selection/strategy.h"

namespace trady::testing {

struct NamedNetwork {
  std::string name;
  int64_t budget_elements;  ///< the paper's smallest
  BatchNormMode batch_norm = BatchNormMode::folded;
};

/// The paper's.
inline std::vector<NamedNetwork> whole_networks() {
  return {{"mbv2-w0.35", 27946}, {"mcunet-5fps", 15936}, {"proxyless-w0.3", 25984}};
}

inline Network build(const NamedNetwork& named, int64_t image_size) {
  NetworkOptions options;
  options.image_size = image_size;
  options.classes = 12;
  options.batch_norm = named.batch_norm;
  return models::build(named.name, options);
}

inline std::unique_ptr<Strategy> strategy(const NamedNetwork& named, const Network& network,
                                          const StrategyInfo& info, uint64_t seed = 0) {
  StrategyOptions options;
  options.network = named.name;
  options.convs = network.tape.convs();
  options.seed = seed;
  if (info.budgeted) options.budget_elements = named.budget_elements;
  if (info.needs_last_k) options.last_k = 5;
  if (info.uses_pool && !builtin_ranking(named.name)) {
    options.pool = parse_pool("all");
  }
  return make_strategy(info.name, options);
}

}  // namespace trady::testing
