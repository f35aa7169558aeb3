// The static schemes of SU (docs/method.md section 5): which layers of three networks to update,
// searched by their authors once a network and memory. J. Lin et al., "On-Device Training Under
// 256KB Memory", NeurIPS 2022, and its code (mit-han-lab/tiny-training).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/update_plan.h"
#include "selection/cost_model.h"

namespace trady {

struct SuScheme {
  struct Layer {
    int conv = 0;
    double ratio = 0;  ///< of its input channels
  };
  std::string network;
  std::string name;    ///< SU's own label, "49kB"
  int bias_convs = 0;  ///< the last so many convs train their biases
  std::vector<Layer> layers;
};

/// `name` absent: the network's smallest. Error with a suggestion if there is none.
const SuScheme& su_scheme(const std::string& network, const std::optional<std::string>& name);

/// Every scheme, the smallest of a network first.
const std::vector<SuScheme>& su_schemes();

/// The scheme's plan with other channels than those of the largest weights: of the same costs as
/// the plan that `su` trains by, and at least of its bytes, since no two layers have the same list
/// of channels, which steps would keep once.
UpdatePlan su_plan_of_any_channels(const SuScheme& scheme, const CostModel& costs);

}  // namespace trady
