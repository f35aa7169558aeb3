#include "selection/su_schemes.h"

#include <algorithm>
#include <numeric>

#include "engine/error.h"
#include "engine/suggest.h"

namespace trady {

const std::vector<SuScheme>& su_schemes() {
  static const std::vector<SuScheme> schemes{
      {"mbv2-w0.35",
       "49kB",
       16,
       {{36, 1}, {39, 1}, {40, 0}, {41, .25}, {42, .125}, {45, .125}, {48, .125}, {49, .125}}},
      {"mbv2-w0.35",
       "73kB",
       20,
       {{32, .125}, {33, .5}, {36, .5}, {39, 1}, {41, .25}, {42, .125}, {45, .125}, {48, .125}}},
      {"mbv2-w0.35",
       "99kB",
       25,
       {{27, 1}, {30, 1}, {33, 1}, {36, 1}, {39, 1}, {42, .125}, {45, .5}, {48, 1}}},
      {"mbv2-w0.35",
       "123kB",
       31,
       {{27, 1}, {30, 1}, {33, 1}, {36, 1}, {39, 1}, {42, .5}, {45, 1}, {48, 1}}},
      {"mbv2-w0.35",
       "138kB",
       34,
       {{27, 1}, {30, 1}, {33, 1}, {36, 1}, {39, 1}, {42, 1}, {45, 1}, {48, 1}}},
      {"mcunet-5fps", "49kB", 20, {{23, 0}, {24, .25}, {27, .5}, {30, .5}, {33, 0}, {39, 0}}},
      {"mcunet-5fps", "74kB", 21, {{21, 1}, {23, 0}, {24, 1}, {26, 0}, {27, .5}, {30, 1}}},
      {"mcunet-5fps", "99kB", 22, {{21, 1}, {24, 1}, {27, 1}, {30, 1}, {36, .125}, {39, .25}}},
      {"mcunet-5fps", "124kB", 24, {{21, .25}, {24, 1}, {27, 1}, {30, 1}, {33, .5}, {39, .5}}},
      {"mcunet-5fps", "148kB", 23, {{21, 1}, {24, 1}, {27, 1}, {30, 1}, {36, 1}, {39, .5}}},
      {"proxyless-w0.3",
       "49kB",
       21,
       {{39, .25}, {42, 1}, {44, 0}, {45, 1}, {50, 0}, {51, .125}, {54, .25}, {57, .25}}},
      {"proxyless-w0.3",
       "74kB",
       28,
       {{33, .5}, {36, .25}, {39, 1}, {42, 1}, {45, 1}, {51, .5}, {54, .25}, {57, .5}}},
      {"proxyless-w0.3",
       "98kB",
       25,
       {{36, 1}, {39, .5}, {42, 1}, {45, 1}, {48, .25}, {51, .5}, {54, 1}, {57, 1}}},
      {"proxyless-w0.3",
       "120kB",
       32,
       {{36, 1}, {39, 1}, {42, 1}, {45, 1}, {48, .5}, {51, 1}, {54, 1}, {57, 1}}},
      {"proxyless-w0.3",
       "148kB",
       45,
       {{36, 1}, {39, 1}, {42, 1}, {45, 1}, {48, 1}, {51, 1}, {54, 1}, {57, 1}}},
  };
  return schemes;
}

const SuScheme& su_scheme(const std::string& network, const std::optional<std::string>& name) {
  std::vector<std::string> networks, names;
  for (const SuScheme& scheme : su_schemes()) {
    if (scheme.network == network) {
      if (!name || scheme.name == *name) return scheme;
      names.push_back(scheme.name);
    } else if (networks.empty() || networks.back() != scheme.network) {
      networks.push_back(scheme.network);
    }
  }
  if (names.empty()) {
    fail("[--scheme] there is no SU scheme of \"", network, "\"; there are schemes of ",
         join(networks));
  }
  fail("[--scheme] ", network, " has no SU scheme \"", *name, "\"", suggestion(*name, names),
       "; there are ", join(names));
}

UpdatePlan su_plan_of_any_channels(const SuScheme& scheme, const CostModel& costs) {
  UpdatePlan plan = UpdatePlan::head_only(costs.convs().size());
  const int first_bias = std::max(0, costs.conv_count() - scheme.bias_convs);
  for (int conv = first_bias; conv < costs.conv_count(); ++conv) {
    plan.convs[static_cast<size_t>(conv)] = LayerUpdate::bias_only();
  }
  size_t parts = 0;  // layers before that are updated in part
  for (const SuScheme::Layer& layer : scheme.layers) {
    const auto in_channels =
        static_cast<double>(costs.convs().at(static_cast<size_t>(layer.conv)).shape.in_c);
    const auto count = static_cast<size_t>(in_channels * layer.ratio);
    if (count == 0) continue;  // the scheme lists it for its bias
    LayerUpdate& update = plan.convs[static_cast<size_t>(layer.conv)];
    update.kind = LayerUpdate::Kind::input_channels;
    update.channels.resize(count);
    const auto spare = static_cast<size_t>(in_channels) - count;
    std::iota(update.channels.begin(), update.channels.end(),
              static_cast<int32_t>(std::min(spare, parts)));
    if (spare > 0) ++parts;
  }
  return plan;
}

}  // namespace trady
