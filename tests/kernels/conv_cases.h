// Odd convolutions, and one way to run each pass of them on any device.
#pragma once

#include <string>
#include <vector>

#include "kernels/shape_check.h"
#include "tests/kernels/device_under_test.h"

namespace trady::testing {

struct ConvCase {
  std::string name;
  kernels::ConvShape shape;
};

/// Every kind of convolution that a network of this project has, at sizes that divide nothing.
inline const std::vector<ConvCase>& odd_convs() {
  // batch, in_h, in_w, in_c, out_c, kernel, stride, padding, depthwise
  static const std::vector<ConvCase> cases = {
      {"pointwise", {2, 5, 7, 24, 40, 1, 1, 0, false}},
      {"pointwise, wide", {1, 13, 11, 97, 16, 1, 1, 0, false}},
      {"pointwise, one pixel (linear)", {3, 1, 1, 17, 5, 1, 1, 0, false}},
      {"pointwise, one input channel", {1, 9, 5, 1, 7, 1, 1, 0, false}},
      {"pointwise, one output channel", {2, 6, 6, 13, 1, 1, 1, 0, false}},
      {"pointwise, one of everything", {1, 1, 1, 1, 1, 1, 1, 0, false}},
      {"pointwise, stride 2 (ResNet shortcut)", {2, 8, 7, 10, 12, 1, 2, 0, false}},
      {"stem: 3x3, stride 2, RGB", {2, 15, 13, 3, 16, 3, 2, 1, false}},
      {"stem: 7x7, stride 2, RGB", {1, 17, 14, 3, 9, 7, 2, 3, false}},
      {"3x3", {3, 6, 5, 9, 11, 3, 1, 1, false}},
      {"3x3, stride 2", {2, 8, 9, 20, 6, 3, 2, 1, false}},
      {"3x3, no padding", {1, 7, 5, 4, 3, 3, 1, 0, false}},
      {"3x3, one pixel", {2, 1, 1, 6, 5, 3, 1, 1, false}},
      {"3x3, one channel", {1, 6, 4, 1, 1, 3, 1, 1, false}},
      {"3x3, stride 3, last pixels unread", {1, 9, 9, 5, 4, 3, 3, 1, false}},
      {"5x5", {2, 7, 6, 8, 5, 5, 1, 2, false}},
      {"5x5, stride 2", {1, 10, 9, 3, 7, 5, 2, 2, false}},
      {"depthwise 1x1", {2, 4, 3, 10, 10, 1, 1, 0, true}},
      {"depthwise 3x3", {2, 7, 9, 19, 19, 3, 1, 1, true}},
      {"depthwise 3x3, stride 2", {3, 8, 8, 24, 24, 3, 2, 1, true}},
      {"depthwise 3x3, one pixel", {2, 1, 1, 21, 21, 3, 1, 1, true}},
      {"depthwise 3x3, one channel", {1, 5, 6, 1, 1, 3, 1, 1, true}},
      {"depthwise 5x5", {1, 9, 6, 33, 33, 5, 1, 2, true}},
      {"depthwise 5x5, stride 2", {2, 7, 8, 16, 16, 5, 2, 2, true}},
      {"depthwise 7x7", {2, 8, 9, 13, 13, 7, 1, 3, true}},
      {"depthwise 7x7, stride 2, smaller than kernel", {1, 5, 4, 18, 18, 7, 2, 3, true}},
  };
  return cases;
}

/// No channel, one, some (with the first and the last), all.
inline std::vector<std::vector<int32_t>> channel_lists(int64_t channel_count) {
  const auto last = static_cast<int32_t>(channel_count - 1);
  std::vector<int32_t> some, all;
  for (int32_t c = 0; c <= last; ++c) {
    all.push_back(c);
    if (c % 3 == 0 || c == last) some.push_back(c);
  }
  return {{}, {last / 2}, some, all};
}

inline int64_t count_of(const std::vector<int32_t>& channels) {
  return static_cast<int64_t>(channels.size());
}

/// A list in the memory of a device.
class DeviceChannels {
 public:
  DeviceChannels(const kernels::Backend& device, const std::vector<int32_t>& channels)
      : count_(static_cast<int64_t>(channels.size())), index_(device, channels) {}
  kernels::ChannelList list() const { return {index_.data(), count_}; }

 private:
  int64_t count_;
  DeviceArray<int32_t> index_;
};

/// Whether ConvGradWeight wants x packed (kernels/backend.h).
inline bool packs_x(const kernels::ConvShape& shape, kernels::SliceKind kind) {
  return shape.depthwise || kind == kernels::SliceKind::input_channels;
}

/// Elements of one slice of the weight.
inline int64_t slice_elements(const kernels::ConvShape& shape, kernels::SliceKind kind) {
  return shape.weight_elements() / kernels::channels_of_kind(shape, kind);
}

/// For each element of a packed dw its index in the whole weight, from the layouts of
/// kernels/backend.h.
inline std::vector<size_t> slice_positions(const kernels::ConvShape& s, kernels::SliceKind kind,
                                           const std::vector<int32_t>& channels) {
  std::vector<size_t> positions;
  const int64_t inner = s.depthwise ? 1 : s.in_c;
  if (kind == kernels::SliceKind::input_channels && !s.depthwise) {
    for (int64_t o = 0; o < s.out_c; ++o) {
      for (int64_t tap = 0; tap < s.taps(); ++tap) {
        for (const int32_t c : channels) {
          positions.push_back(static_cast<size_t>((o * s.taps() + tap) * s.in_c + c));
        }
      }
    }
    return positions;
  }
  for (const int32_t o : channels) {
    for (int64_t i = 0; i < s.taps() * inner; ++i) {
      positions.push_back(static_cast<size_t>(o * s.taps() * inner + i));
    }
  }
  return positions;
}

struct ConvInputs {
  std::vector<double> x, w, bias, dy;
  std::vector<double> residual;  ///< empty: none
};

inline ConvInputs random_conv_inputs(const kernels::ConvShape& shape, bool with_residual) {
  ConvInputs in;
  in.x = random_values(shape.in_elements(), 1);
  in.w = random_values(shape.weight_elements(), 2);
  in.bias = random_values(shape.out_c, 3);
  in.dy = random_values(shape.out_elements(), 4);
  if (with_residual) in.residual = random_values(shape.out_elements(), 5);
  return in;
}

struct ConvOutput {
  std::vector<double> y;
  std::vector<uint8_t> mask;  ///< empty if none was asked for
};

enum class ResidualPlace { own_buffer, in_y };

/// The weight as the pass wants it: prepared, or as it is.
template <typename Pass>
DeviceBytes prepared_weight(const kernels::Backend& device, const Pass& pass, const Buffer& w) {
  DeviceBytes prepared(device, pass.prepared_weight_bytes());
  if (prepared.size() > 0) pass.prepare_weight(w.data(), prepared.data());
  return prepared;
}

inline ConvOutput run_conv_forward(const kernels::Backend& device, const kernels::ConvShape& shape,
                                   kernels::Activation activation, const ConvInputs& in,
                                   bool want_mask,
                                   ResidualPlace place = ResidualPlace::own_buffer) {
  const auto pass = device.conv_forward(shape, activation);
  const Buffer x(device, in.x), w(device, in.w), bias(device, in.bias);
  const Buffer residual(device, in.residual);
  const bool in_place = place == ResidualPlace::in_y;
  const Buffer y = in_place ? Buffer(device, in.residual) : Buffer(device, shape.out_elements());
  const DeviceBytes prepared = prepared_weight(device, *pass, w);
  const DeviceBytes scratch(device, pass->scratch_bytes());
  const DeviceArray<uint8_t> mask(device,
                                  want_mask ? kernels::mask_bytes(shape.out_elements()) : 0);
  pass->run({.x = x.data(),
             .w = prepared.size() > 0 ? prepared.data() : w.data(),
             .bias = bias.data(),
             .residual = in_place ? y.data() : residual.data(),
             .y = y.data(),
             .mask = mask.data(),
             .scratch = scratch.data()});
  return {y.values(), mask.values()};
}

/// `dx_before` empty: overwrite.
inline std::vector<double> run_conv_grad_input(const kernels::Backend& device,
                                               const kernels::ConvShape& shape,
                                               const std::vector<double>& w_values,
                                               const std::vector<double>& dy_values,
                                               const std::vector<double>& dx_before = {}) {
  const auto pass = device.conv_grad_input(shape);
  const Buffer w(device, w_values), dy(device, dy_values);
  const Buffer dx =
      dx_before.empty() ? Buffer(device, shape.in_elements()) : Buffer(device, dx_before);
  const DeviceBytes prepared = prepared_weight(device, *pass, w);
  const DeviceBytes scratch(device, pass->scratch_bytes());
  pass->run(
      {.dy = dy.data(),
       .w = prepared.size() > 0 ? prepared.data() : w.data(),
       .dx = dx.data(),
       .scratch = scratch.data()},
      dx_before.empty() ? kernels::GradientMode::overwrite : kernels::GradientMode::accumulate);
  return dx.values();
}

/// Packs x where the pass wants it packed, then runs it.
inline std::vector<double> run_conv_grad_weight(const kernels::Backend& device,
                                                const kernels::ConvShape& shape,
                                                kernels::SliceKind kind,
                                                const std::vector<int32_t>& channels,
                                                const std::vector<double>& x_values,
                                                const std::vector<double>& dy_values) {
  const DeviceChannels on_device(device, channels);
  const kernels::ChannelList list = on_device.list();
  const auto pass = device.conv_grad_weight(shape, kind, list.count);
  const Buffer x(device, x_values), dy(device, dy_values);
  const Buffer packed(device, packs_x(shape, kind) ? shape.in_positions() * list.count : 0);
  if (packs_x(shape, kind)) {
    device.pack_channels(x.data(), shape.in_positions(), shape.in_c, list, packed.data());
  }
  const Buffer dw(device, slice_elements(shape, kind) * list.count);
  const DeviceBytes scratch(device, pass->scratch_bytes());
  pass->run({.x = packs_x(shape, kind) ? packed.data() : x.data(),
             .dy = dy.data(),
             .channels = list,
             .dw = dw.data(),
             .scratch = scratch.data()});
  return dw.values();
}

/// visit(device, case, kind, list) for all of them, the float64 reference among the devices.
template <typename Visit>
void for_each_slicing(const Visit& visit) {
  auto devices = devices_under_test();
  devices.push_back(float64_reference());
  for (const auto& device : devices) {
    for (const ConvCase& test : odd_convs()) {
      for (const auto kind :
           {kernels::SliceKind::input_channels, kernels::SliceKind::output_channels}) {
        for (const auto& list : channel_lists(channels_of_kind(test.shape, kind))) {
          INFO(describe(*device) << ", " << test.name << ", " << list.size()
                                 << (kind == kernels::SliceKind::input_channels ? " input"
                                                                                : " output")
                                 << " channels");
          visit(*device, test.shape, kind, list);
        }
      }
    }
  }
}

}  // namespace trady::testing
