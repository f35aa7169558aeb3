// Convolutions whose weight gradients are sums of several pieces, alone and with the odd ones.
#pragma once

#include "tests/kernels/conv_cases.h"

namespace trady::testing {

inline std::vector<ConvCase> split_convs() {
  // batch, in_h, in_w, in_c, out_c, kernel, stride, padding, depthwise
  return {{"pointwise, several ranges", {1, 30, 30, 12, 20, 1, 1, 0, false}},
          {"3x3, several ranges and row tiles", {3, 10, 11, 6, 70, 3, 1, 1, false}},
          {"depthwise 3x3, several pieces", {60, 10, 2, 36, 36, 3, 1, 1, true}},
          {"depthwise 3x3, stride 3", {40, 9, 10, 8, 8, 3, 3, 1, true}}};
}

inline std::vector<ConvCase> odd_and_split_convs() {
  std::vector<ConvCase> cases = odd_convs();
  for (const ConvCase& split : split_convs()) cases.push_back(split);
  return cases;
}

}  // namespace trady::testing
