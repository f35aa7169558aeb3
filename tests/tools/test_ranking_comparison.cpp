// Agreement of two rankings, worked by hand.
#include "tools/ranking_comparison.h"

#include <catch2/catch.hpp>

using namespace trady;
using namespace trady::tools;

namespace {

Ranking ranked(std::vector<int> order, int k) {
  Ranking ranking;
  ranking.conv_count = static_cast<int>(order.size());
  ranking.k = k;
  ranking.descending_rgn = std::move(order);
  return ranking;
}

}  // namespace

TEST_CASE("equal and opposite orders") {
  const RankingComparison same = compare_rankings(ranked({2, 0, 1, 3}, 2), ranked({2, 0, 1, 3}, 2));
  CHECK(same.spearman == Approx(1));
  CHECK(same.common_convs == 4);
  CHECK(same.pool_convs == 2);
  CHECK(same.shared_convs == 2);
  const RankingComparison opposite =
      compare_rankings(ranked({3, 1, 0, 2}, 2), ranked({2, 0, 1, 3}, 2));
  CHECK(opposite.spearman == Approx(-1));
  CHECK(opposite.shared_convs == 0);
}

TEST_CASE("two convs that change places") {
  const RankingComparison with = compare_rankings(ranked({0, 2, 1, 3}, 1), ranked({0, 1, 2, 3}, 2));
  CHECK(with.spearman == Approx(1 - 6.0 * 2 / (4 * 15)));
  CHECK(with.shared_convs == 1);  // conv 0 of the reference's 0 and 1
}

TEST_CASE("the mix conv that one network lacks does not count") {
  const RankingComparison with = compare_rankings(ranked({1, 0, 2}, 2), ranked({3, 1, 0, 2}, 3));
  CHECK(with.common_convs == 3);
  CHECK(with.spearman == Approx(1));
  CHECK(with.pool_convs == 2);
  CHECK(with.shared_convs == 2);
}

TEST_CASE("a single conv has no order") {
  const RankingComparison with = compare_rankings(ranked({0}, 1), ranked({0}, 1));
  CHECK(with.spearman == 0);
  CHECK(with.common_convs == 1);
}
