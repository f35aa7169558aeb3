#include "models/small_networks.h"

namespace trady::models {

namespace {

constexpr bool kResidual = true;

}  // namespace

const InvertedResidualSpec& mobilenet_v2_w035() {
  static const InvertedResidualSpec spec{16,
                                         {
                                             {16, 16, 8},
                                             {8, 48, 8, 3, 2},
                                             {8, 48, 8, 3, 1, kResidual},
                                             {8, 48, 16, 3, 2},
                                             {16, 96, 16, 3, 1, kResidual},
                                             {16, 96, 16, 3, 1, kResidual},
                                             {16, 96, 24, 3, 2},
                                             {24, 144, 24, 3, 1, kResidual},
                                             {24, 144, 24, 3, 1, kResidual},
                                             {24, 144, 24, 3, 1, kResidual},
                                             {24, 144, 32},
                                             {32, 192, 32, 3, 1, kResidual},
                                             {32, 192, 32, 3, 1, kResidual},
                                             {32, 192, 56, 3, 2},
                                             {56, 336, 56, 3, 1, kResidual},
                                             {56, 336, 56, 3, 1, kResidual},
                                             {56, 336, 112},
                                         },
                                         448,
                                         1e-3};
  return spec;
}

const InvertedResidualSpec& mcunet_5fps() {
  static const InvertedResidualSpec spec{16,
                                         {
                                             {16, 16, 8},
                                             {8, 32, 16, 3, 2},
                                             {16, 48, 16, 3, 1, kResidual},
                                             {16, 48, 24, 7, 2},
                                             {24, 120, 24, 3, 1, kResidual},
                                             {24, 120, 40, 3, 2},
                                             {40, 160, 40, 7, 1, kResidual},
                                             {40, 160, 48, 5},
                                             {48, 144, 48, 3, 1, kResidual},
                                             {48, 192, 48, 3, 1, kResidual},
                                             {48, 240, 96, 7, 2},
                                             {96, 384, 96, 5, 1, kResidual},
                                             {96, 384, 96, 5, 1, kResidual},
                                             {96, 576, 160, 3},
                                         },
                                         0};
  return spec;
}

const InvertedResidualSpec& proxyless_w03() {
  static const InvertedResidualSpec spec{16,
                                         {
                                             {16, 16, 8},
                                             {8, 24, 16, 5, 2},
                                             {16, 48, 16, 3, 1, kResidual},
                                             {16, 48, 16, 7, 2},
                                             {16, 48, 16, 3, 1, kResidual},
                                             {16, 48, 16, 5, 1, kResidual},
                                             {16, 48, 16, 5, 1, kResidual},
                                             {16, 96, 24, 7, 2},
                                             {24, 72, 24, 5, 1, kResidual},
                                             {24, 72, 24, 5, 1, kResidual},
                                             {24, 72, 24, 5, 1, kResidual},
                                             {24, 144, 32, 5},
                                             {32, 96, 32, 5, 1, kResidual},
                                             {32, 96, 32, 5, 1, kResidual},
                                             {32, 96, 32, 5, 1, kResidual},
                                             {32, 192, 64, 7, 2},
                                             {64, 384, 64, 7, 1, kResidual},
                                             {64, 192, 64, 7, 1, kResidual},
                                             {64, 192, 64, 7, 1, kResidual},
                                             {64, 384, 96, 7},
                                         },
                                         384};
  return spec;
}

}  // namespace trady::models
