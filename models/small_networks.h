// The three small networks of the paper (docs/method.md section 7).
#pragma once

#include "models/inverted_residual.h"

namespace trady::models {

const InvertedResidualSpec& mobilenet_v2_w035();  ///< "mbv2-w0.35"
const InvertedResidualSpec& mcunet_5fps();        ///< "mcunet-5fps"
const InvertedResidualSpec& proxyless_w03();      ///< "proxyless-w0.3"

}  // namespace trady::models
