#include "selection/pool.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "engine/error.h"
#include "engine/suggest.h"
#include "selection/ranking.h"

namespace trady {
namespace {

constexpr const char* kPoolForms =
    "write a number of layers (35), a share of the RGN (97%), a ranking file, or all";

/// The whole of `text` as a number.
template <typename T>
bool read_number(const std::string& text, T& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

Ranking builtin_or_fail(const std::string& network) {
  if (const Ranking* ranking = builtin_ranking(network)) return *ranking;
  fail("[--pool] no layer ranking of \"", network, "\" ships with this program",
       suggestion(network, builtin_ranking_names()), "; there are ", join(builtin_ranking_names()),
       "; make one with `trady rank` and give it with --pool FILE");
}

void require_same_network(const Ranking& ranking, const std::string& origin,
                          const std::string& network, int conv_count) {
  if (ranking.network != network) {
    fail("[", origin, "] is a ranking of \"", ranking.network, "\", the network here is \"",
         network, "\"; make one for it with `trady rank`");
  }
  const bool lacks_the_mix_conv = ranking.conv_count == conv_count + 1;
  if (ranking.conv_count != conv_count && !lacks_the_mix_conv) {
    fail("[", origin, "] ranks a network of ", ranking.conv_count, " convs, the one here has ",
         conv_count, "; make one for it with `trady rank`");
  }
}

int layers_asked_for(const PoolSpec& spec, const Ranking& ranking) {
  if (spec.kind == PoolSpec::Kind::first_k) return spec.k;
  if (spec.kind == PoolSpec::Kind::share) {
    return convs_reaching(ranking.cumulative_percent, spec.percent);
  }
  return ranking.k;
}

}  // namespace

PoolSpec parse_pool(const std::string& text) {
  PoolSpec spec;
  if (text == "all") {
    spec.kind = PoolSpec::Kind::all;
    return spec;
  }
  double number = 0;
  if (!text.empty() && text.back() == '%') {
    spec.kind = PoolSpec::Kind::share;
    if (!read_number(text.substr(0, text.size() - 1), spec.percent) ||
        !(spec.percent > 0 && spec.percent <= 100)) {
      fail("[--pool] \"", text, "\" is not a share between 0% and 100%; ", kPoolForms);
    }
    return spec;
  }
  if (read_number(text, spec.k) && spec.k > 0) {
    spec.kind = PoolSpec::Kind::first_k;
    return spec;
  }
  if (text.empty() || read_number(text, number)) {
    fail("[--pool] \"", text, "\" is not a number of layers above 0; ", kPoolForms);
  }
  if (!std::filesystem::exists(text)) {
    fail("[--pool] there is no file \"", text, "\"; ", kPoolForms);
  }
  spec.kind = PoolSpec::Kind::file;
  spec.path = text;
  return spec;
}

Pool resolve_pool(const PoolSpec& spec, const std::string& network, int conv_count) {
  Pool pool;
  if (spec.kind == PoolSpec::Kind::all) {
    for (int conv = 0; conv < conv_count; ++conv) pool.convs.push_back(conv);
    pool.cumulative_percent = 100;
    pool.description = "all convs";
    return pool;
  }
  const bool from_file = spec.kind == PoolSpec::Kind::file;
  const Ranking ranking = from_file ? read_ranking(spec.path) : builtin_or_fail(network);
  const std::string origin = from_file ? spec.path : "ranking of " + network;
  require_same_network(ranking, origin, network, conv_count);

  const int ranked = static_cast<int>(ranking.descending_rgn.size());
  const int k = layers_asked_for(spec, ranking);
  if (k > ranked) {
    fail("[--pool] asks for ", k, " layers, but the ranking of ", network, " lists ", ranked,
         "; give at most that, or all");
  }
  std::copy_if(ranking.descending_rgn.begin(), ranking.descending_rgn.begin() + k,
               std::back_inserter(pool.convs), [=](int conv) { return conv < conv_count; });
  if (pool.convs.empty()) {
    fail("[", origin, "] its first ", k, " layers are not in this network; ask for more");
  }
  std::ranges::sort(pool.convs);
  pool.cumulative_percent = ranking.cumulative_percent[k - 1];
  pool.description = concat("first ", k, " of ", ranked, " ranked convs (", pool.cumulative_percent,
                            " % of the RGN), ", pool.convs.size(), " of them in this network; ",
                            from_file ? spec.path : ranking.source);
  return pool;
}

}  // namespace trady
