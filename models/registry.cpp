#include "models/registry.h"

#include <functional>
#include <map>

#include "engine/error.h"
#include "engine/suggest.h"
#include "models/small_networks.h"

namespace trady::models {

namespace {

using Builder = std::function<Network(const std::string& name, const NetworkOptions& options)>;

Builder inverted_residual(const InvertedResidualSpec& spec) {
  return [&spec](const std::string& name, const NetworkOptions& options) {
    return build_inverted_residual(name, spec, options);
  };
}

/// One line a network: a table of blocks, or a builder of its own.
const std::map<std::string, Builder>& registry() {
  static const std::map<std::string, Builder> entries{
      {"mbv2-w0.35", inverted_residual(mobilenet_v2_w035())},
      {"mcunet-5fps", inverted_residual(mcunet_5fps())},
      {"proxyless-w0.3", inverted_residual(proxyless_w03())},
  };
  return entries;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const auto& [name, builder] : registry()) result.push_back(name);
  return result;
}

Network build(const std::string& name, const NetworkOptions& options) {
  const auto found = registry().find(name);
  if (found == registry().end()) {
    fail("[model] there is no network '", name, "'", suggestion(name, names()), "; there are ",
         join(names()));
  }
  return found->second(name, options);
}

}  // namespace trady::models
