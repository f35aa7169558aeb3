#include "tools/ranking_comparison.h"

#include <algorithm>
#include <map>

namespace trady::tools {

namespace {

std::vector<int> convs_below(const std::vector<int>& order, size_t count, int limit) {
  std::vector<int> convs;
  std::copy_if(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
               std::back_inserter(convs), [=](int conv) { return conv < limit; });
  return convs;
}

}  // namespace

RankingComparison compare_rankings(const Ranking& ranking, const Ranking& reference) {
  // The mix conv is the last: what is below both counts is common.
  const int limit = std::min(ranking.conv_count, reference.conv_count);
  const std::vector<int> ours =
      convs_below(ranking.descending_rgn, ranking.descending_rgn.size(), limit);
  const std::vector<int> theirs =
      convs_below(reference.descending_rgn, reference.descending_rgn.size(), limit);

  std::map<int, double> place;
  for (size_t i = 0; i < ours.size(); ++i) place[ours[i]] = static_cast<double>(i);
  RankingComparison result;
  double squares = 0;
  for (size_t i = 0; i < theirs.size(); ++i) {
    const auto found = place.find(theirs[i]);
    if (found == place.end()) continue;
    const double difference = found->second - static_cast<double>(i);
    squares += difference * difference;
    ++result.common_convs;
  }
  const double n = result.common_convs;
  if (n > 1) result.spearman = 1 - 6 * squares / (n * (n * n - 1));  // no ties in an order

  const std::vector<int> pool =
      convs_below(reference.descending_rgn, static_cast<size_t>(reference.k), limit);
  const auto first = ours.begin();
  const auto last = first + static_cast<std::ptrdiff_t>(std::min(pool.size(), ours.size()));
  result.pool_convs = static_cast<int>(pool.size());
  result.shared_convs = static_cast<int>(
      std::ranges::count_if(pool, [&](int conv) { return std::find(first, last, conv) != last; }));
  return result;
}

}  // namespace trady::tools
