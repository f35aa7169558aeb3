// How far two rankings of one network agree.
#pragma once

#include "selection/ranking.h"

namespace trady::tools {

/// Over the convs that both networks have: one may be ranked with the mix conv, the other without.
struct RankingComparison {
  int common_convs = 0;
  double spearman = 0;   ///< correlation of the two orders, -1 to 1; 0 for fewer than two convs
  int pool_convs = 0;    ///< of the reference's first k convs
  int shared_convs = 0;  ///< of them among as many first convs of the other
};

RankingComparison compare_rankings(const Ranking& ranking, const Ranking& reference);

}  // namespace trady::tools
