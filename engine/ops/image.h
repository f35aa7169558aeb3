// The first op: bytes of an image to normalised values.
#pragma once

#include "engine/ops/op.h"

namespace trady {

/// x = (pixels / 255 - mean) / std, [m, S, S, 3]: m images of a micro-batch, S pixels a side.
/// A micro-batch with fewer images is filled up with zeros.
class ImageOp : public Op {
 public:
  ImageOp(TensorId output, const Normalization& normalization)
      : Op("image", {}, output), normalization_(normalization) {}
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;

 private:
  Normalization normalization_;
};

}  // namespace trady
