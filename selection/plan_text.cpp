#include "selection/plan_text.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"

namespace trady {
namespace {

using Json = nlohmann::json;

std::vector<int32_t> channels_of(const Json& list, int64_t count, const std::string& where) {
  std::vector<int32_t> channels;
  if (!list.is_array() || list.empty()) fail(where, ": expected a list of channels");
  for (const Json& entry : list) {
    const int64_t least = channels.empty() ? 0 : int64_t{channels.back()} + 1;
    if (!entry.is_number_integer() || entry.get<int64_t>() < least ||
        entry.get<int64_t>() >= count) {
      fail(where, ": expected channels that ascend within 0 .. ", count - 1);
    }
    channels.push_back(entry.get<int32_t>());
  }
  return channels;
}

LayerUpdate layer_of(const Json& json, const ConvLayer& conv, const std::string& where) {
  LayerUpdate update;
  for (const auto& [key, value] : json.items()) {
    if (key == "conv") continue;
    const bool flag = value.is_boolean() && value.get<bool>();
    if (key == "inputs" && update.kind == LayerUpdate::Kind::none) {
      update.kind = LayerUpdate::Kind::input_channels;
      update.channels = channels_of(value, conv.shape.in_c, where);
    } else if (key == "outputs" && update.kind == LayerUpdate::Kind::none) {
      update.kind = LayerUpdate::Kind::output_channels;
      update.channels = channels_of(value, conv.shape.out_c, where);
    } else if (key == "all" && flag && update.kind == LayerUpdate::Kind::none) {
      update.kind = LayerUpdate::Kind::all;
    } else if (key == "bias" && flag) {
      update.train_bias = true;
    } else {
      fail(where, ": \"", key, "\" makes no sense here");
    }
  }
  if (update.kind == LayerUpdate::Kind::none && update.train_bias) {
    update.kind = LayerUpdate::Kind::bias;
  }
  return update;
}

}  // namespace

std::string plan_to_text(const UpdatePlan& plan) {
  Json list = Json::array();
  for (size_t conv = 0; conv < plan.convs.size(); ++conv) {
    const LayerUpdate& update = plan.convs[conv];
    if (!update.updates_anything()) continue;
    Json json{{"conv", conv}};
    if (update.kind == LayerUpdate::Kind::all) json["all"] = true;
    if (update.kind == LayerUpdate::Kind::input_channels) json["inputs"] = update.channels;
    if (update.kind == LayerUpdate::Kind::output_channels) json["outputs"] = update.channels;
    if (update.train_bias) json["bias"] = true;
    list.push_back(std::move(json));
  }
  return list.dump();
}

UpdatePlan plan_from_text(const std::string& text, std::span<const ConvLayer> convs,
                          const std::string& origin) {
  const Json list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) fail(origin, ": the selection is not a list of convs");
  UpdatePlan plan = UpdatePlan::head_only(convs.size());
  int64_t last = -1;
  for (const Json& json : list) {
    const auto conv = json.is_object() ? json.find("conv") : json.end();
    if (conv == json.end() || !conv->is_number_integer() || conv->get<int64_t>() <= last ||
        conv->get<int64_t>() >= std::ssize(convs)) {
      fail(origin, ": expected convs that ascend within 0 .. ", convs.size() - 1,
           " in the selection");
    }
    last = conv->get<int64_t>();
    const auto index = static_cast<size_t>(last);
    plan.convs[index] = layer_of(json, convs[index], concat(origin, ", conv ", last));
  }
  return plan;
}

}  // namespace trady
