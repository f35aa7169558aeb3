#include "models/registry.h"

#include <map>

#include "engine/error.h"
#include "engine/suggest.h"
#include "models/small_networks.h"

namespace trady::models {

namespace {

const std::map<std::string, const InvertedResidualSpec& (*)()>& registry() {
  static const std::map<std::string, const InvertedResidualSpec& (*)()> entries{
      {"mbv2-w0.35", mobilenet_v2_w035},
      {"mcunet-5fps", mcunet_5fps},
      {"proxyless-w0.3", proxyless_w03},
  };
  return entries;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const auto& [name, spec] : registry()) result.push_back(name);
  return result;
}

Network build(const std::string& name, const NetworkOptions& options) {
  const auto found = registry().find(name);
  if (found == registry().end()) {
    fail("[model] there is no network '", name, "'", suggestion(name, names()), "; there are ",
         join(names()));
  }
  const InvertedResidualSpec& spec = found->second();
  if (options.mix && spec.mix == 0) {
    fail("[model] ", name, " has no mix convolution in front of its pooling; leave --mix out");
  }
  return build_inverted_residual(name, spec, options);
}

}  // namespace trady::models
