#include "models/registry.h"

#include <functional>
#include <map>

#include "engine/error.h"
#include "engine/suggest.h"
#include "models/mobilenet_v2.h"
#include "models/resnet.h"
#include "models/small_networks.h"

namespace trady::models {

namespace {

struct Entry {
  std::function<Network(const std::string& name, const NetworkOptions& options)> build;
  NetworkOptions defaults = {};
  bool has_width = false;  ///< whether its channels can be multiplied
};

Entry inverted_residual(const InvertedResidualSpec& spec) {
  return {[&spec](const std::string& name, const NetworkOptions& options) {
    return build_inverted_residual(name, spec, options);
  }};
}

/// As torchvision and akamaster/pytorch_resnet_cifar10 train them.
NetworkOptions imagenet_options(int64_t image_size, int64_t classes) {
  NetworkOptions options;
  options.image_size = image_size;
  options.classes = classes;
  options.normalization = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  options.batch_norm = BatchNormMode::frozen;
  return options;
}

Entry resnet(const ResNetSpec& spec) {
  return {[spec](const std::string& name, const NetworkOptions& options) {
            return build_resnet(name, spec, options);
          },
          imagenet_options(224, 1000)};
}

Entry cifar_resnet(int blocks_per_group) {
  return {[=](const std::string& name, const NetworkOptions& options) {
            return build_cifar_resnet(name, blocks_per_group, options);
          },
          imagenet_options(32, 10)};
}

/// One line a network: a table of blocks, or a builder of its own.
const std::map<std::string, Entry>& registry() {
  static const std::map<std::string, Entry> entries{
      {"mbv2-w0.35", inverted_residual(mobilenet_v2_w035())},
      {"mcunet-5fps", inverted_residual(mcunet_5fps())},
      {"proxyless-w0.3", inverted_residual(proxyless_w03())},
      {"mobilenet_v2", {build_mobilenet_v2, imagenet_options(224, 1000), /*has_width=*/true}},
      {"resnet18", resnet({{2, 2, 2, 2}, /*bottleneck=*/false})},
      {"resnet34", resnet({{3, 4, 6, 3}, /*bottleneck=*/false})},
      {"resnet50", resnet({{3, 4, 6, 3}, /*bottleneck=*/true})},
      {"resnet20", cifar_resnet(3)},
      {"resnet32", cifar_resnet(5)},
      {"resnet44", cifar_resnet(7)},
      {"resnet56", cifar_resnet(9)},
  };
  return entries;
}

const Entry& entry(const std::string& name) {
  const auto found = registry().find(name);
  if (found == registry().end()) {
    fail("[model] there is no network '", name, "'", suggestion(name, names()), "; there are ",
         join(names()));
  }
  return found->second;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const auto& [name, built] : registry()) result.push_back(name);
  return result;
}

NetworkOptions default_options(const std::string& name) {
  return entry(name).defaults;
}

Network build(const std::string& name, const NetworkOptions& options) {
  const Entry& chosen = entry(name);
  if (options.width != 1 && !chosen.has_width) {
    fail("[model] ", name, " has one width; leave --width out");
  }
  return chosen.build(name, options);
}

}  // namespace trady::models
