#include "selection/ranking.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/error.h"
#include "selection/embedded_rankings.h"

namespace trady {
namespace {

constexpr double kDefaultShare = 97;  // percent of the total RGN (docs/method.md section 2)

/// Read once; a bad file would be a fault of the build, and a test reads them all.
const std::map<std::string, Ranking>& builtin_rankings() {
  static const std::map<std::string, Ranking> rankings = [] {
    std::map<std::string, Ranking> by_name;
    for (const EmbeddedRanking& file : embedded_rankings()) {
      Ranking ranking = parse_ranking(file.json, "selection/rankings/" + file.file_name);
      by_name.emplace(ranking.network, std::move(ranking));
    }
    return by_name;
  }();
  return rankings;
}

}  // namespace

int published_pool_size(const std::string& network) {
  constexpr std::array<std::pair<const char*, int>, 3> kSizes{
      {{"mbv2-w0.35", 35}, {"mcunet-5fps", 27}, {"proxyless-w0.3", 43}}};
  for (const auto& [name, size] : kSizes) {
    if (network == name) return size;
  }
  return 0;
}

int convs_reaching(const std::vector<double>& cumulative_percent, double percent) {
  const auto reached = std::ranges::lower_bound(cumulative_percent, percent);
  if (reached == cumulative_percent.end()) return static_cast<int>(cumulative_percent.size());
  return static_cast<int>(reached - cumulative_percent.begin()) + 1;
}

Ranking make_ranking(const std::string& network, int image_size, std::span<const double> rgn) {
  for (size_t conv = 0; conv < rgn.size(); ++conv) {
    if (!std::isfinite(rgn[conv]) || rgn[conv] < 0) {
      fail("[ranking of ", network, "] the RGN of conv ", conv, " is ", rgn[conv],
           "; did training diverge? Try a lower learning rate");
    }
  }
  const double total = std::accumulate(rgn.begin(), rgn.end(), 0.0);
  if (total == 0) fail("[ranking of ", network, "] every gradient is zero; nothing was trained");

  Ranking ranking;
  ranking.network = network;
  ranking.image_size = image_size;
  ranking.conv_count = static_cast<int>(rgn.size());
  ranking.rgn.assign(rgn.begin(), rgn.end());
  ranking.descending_rgn.resize(rgn.size());
  std::iota(ranking.descending_rgn.begin(), ranking.descending_rgn.end(), 0);
  std::ranges::stable_sort(ranking.descending_rgn,
                           [&](int left, int right) { return rgn[left] > rgn[right]; });
  double sum = 0;
  for (const int conv : ranking.descending_rgn) {
    sum += rgn[conv];
    ranking.cumulative_percent.push_back(std::min(100.0, 100 * sum / total));
  }
  const int published = published_pool_size(network);
  ranking.k = published != 0 ? std::min(published, ranking.conv_count)
                             : convs_reaching(ranking.cumulative_percent, kDefaultShare);
  return ranking;
}

const Ranking* builtin_ranking(const std::string& network) {
  const auto found = builtin_rankings().find(network);
  return found == builtin_rankings().end() ? nullptr : &found->second;
}

std::vector<std::string> builtin_ranking_names() {
  std::vector<std::string> names;
  for (const auto& [name, ranking] : builtin_rankings()) names.push_back(name);
  return names;
}

}  // namespace trady
