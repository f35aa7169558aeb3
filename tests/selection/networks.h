// The conv lists of the three networks, built from the tables of docs/method.md section 7 without
// models/, so that either can check the other.
#pragma once

#include <string>
#include <vector>

#include "engine/conv_layer.h"

namespace trady::test {

/// An inverted-residual block: expand 1x1 (absent where mid == in), depthwise, project 1x1.
struct Block {
  int in, mid, out, kernel, stride;
};

struct NetworkTable {
  int stem_channels = 16;
  std::vector<Block> blocks;
  int mix_channels = 0;  ///< of the last 1x1 conv; 0 = none
};

inline std::vector<ConvLayer> convs_of(const NetworkTable& table, int image_size) {
  std::vector<ConvLayer> convs;
  int64_t size = image_size;
  const auto add = [&](int64_t in, int64_t out, int64_t kernel, int64_t stride, bool depthwise) {
    ConvLayer conv;
    conv.index = static_cast<int>(convs.size());
    conv.name = "conv" + std::to_string(conv.index);
    conv.shape = {.in_h = size,
                  .in_w = size,
                  .in_c = in,
                  .out_c = out,
                  .kernel = kernel,
                  .stride = stride,
                  .padding = (kernel - 1) / 2,
                  .depthwise = depthwise};
    size = conv.shape.out_h();
    convs.push_back(conv);
  };
  add(3, table.stem_channels, 3, 2, false);
  for (const Block& block : table.blocks) {
    if (block.mid != block.in) add(block.in, block.mid, 1, 1, false);
    add(block.mid, block.mid, block.kernel, block.stride, true);
    add(block.mid, block.out, 1, 1, false);
  }
  if (table.mix_channels > 0) {
    add(table.blocks.back().out, table.mix_channels, 1, 1, false);
  }
  return convs;
}

inline NetworkTable mbv2(bool with_mix = false) {
  return {.blocks = {{16, 16, 8, 3, 1},
                     {8, 48, 8, 3, 2},
                     {8, 48, 8, 3, 1},
                     {8, 48, 16, 3, 2},
                     {16, 96, 16, 3, 1},
                     {16, 96, 16, 3, 1},
                     {16, 96, 24, 3, 2},
                     {24, 144, 24, 3, 1},
                     {24, 144, 24, 3, 1},
                     {24, 144, 24, 3, 1},
                     {24, 144, 32, 3, 1},
                     {32, 192, 32, 3, 1},
                     {32, 192, 32, 3, 1},
                     {32, 192, 56, 3, 2},
                     {56, 336, 56, 3, 1},
                     {56, 336, 56, 3, 1},
                     {56, 336, 112, 3, 1}},
          .mix_channels = with_mix ? 448 : 0};
}

inline NetworkTable mcunet() {
  return {.blocks = {{16, 16, 8, 3, 1},
                     {8, 32, 16, 3, 2},
                     {16, 48, 16, 3, 1},
                     {16, 48, 24, 7, 2},
                     {24, 120, 24, 3, 1},
                     {24, 120, 40, 3, 2},
                     {40, 160, 40, 7, 1},
                     {40, 160, 48, 5, 1},
                     {48, 144, 48, 3, 1},
                     {48, 192, 48, 3, 1},
                     {48, 240, 96, 7, 2},
                     {96, 384, 96, 5, 1},
                     {96, 384, 96, 5, 1},
                     {96, 576, 160, 3, 1}}};
}

inline NetworkTable proxyless(bool with_mix = false) {
  return {.blocks = {{16, 16, 8, 3, 1},   {8, 24, 16, 5, 2},   {16, 48, 16, 3, 1},
                     {16, 48, 16, 7, 2},  {16, 48, 16, 3, 1},  {16, 48, 16, 5, 1},
                     {16, 48, 16, 5, 1},  {16, 96, 24, 7, 2},  {24, 72, 24, 5, 1},
                     {24, 72, 24, 5, 1},  {24, 72, 24, 5, 1},  {24, 144, 32, 5, 1},
                     {32, 96, 32, 5, 1},  {32, 96, 32, 5, 1},  {32, 96, 32, 5, 1},
                     {32, 192, 64, 7, 2}, {64, 384, 64, 7, 1}, {64, 192, 64, 7, 1},
                     {64, 192, 64, 7, 1}, {64, 384, 96, 7, 1}},
          .mix_channels = with_mix ? 384 : 0};
}

/// A dense conv of its own, for networks small enough to work out by hand.
inline ConvLayer hand_made_conv(int index, const kernels::ConvShape& shape) {
  return {index, "hand" + std::to_string(index), shape};
}

}  // namespace trady::test
