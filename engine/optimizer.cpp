#include "engine/optimizer.h"

#include "engine/error.h"

namespace trady {

namespace {

/// Values one after another, as the weight of a linear layer.
kernels::ConvShape matrix_of(int64_t rows, int64_t columns) {
  kernels::ConvShape matrix;
  matrix.out_c = rows;
  matrix.in_c = columns;
  return matrix;
}

}  // namespace

Optimizer::Optimizer(const OptimizerSettings& settings, const Parameters& parameters)
    : settings_(settings) {
  if (settings_.momentum != 0) {
    velocity_ = std::make_unique<Parameters>(parameters.specs(), parameters.backend());
  }
}

void Optimizer::judge(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
                      const ArenaView& shared, kernels::StepControl* control,
                      int32_t* halted) const {
  for (const GradientSlot& slot : slots) {
    backend.add_squares(shared.data(slot.sum), slot.elements, &control->squared_norm);
  }
  backend.judge(settings_.clip_norm, control, halted);
}

void Optimizer::require_whole(const GradientSlot& slot, const ParameterSpec& spec) const {
  if (settings_.momentum == 0 && settings_.weight_decay == 0) return;
  if (settings_.weight_decay != 0 && slot.row_scale >= 0) {
    fail("[optimizer] weight decay needs the plain weight of ", spec.name,
         ", but its batch-norm is frozen and merged into it; use --weight-decay 0 or "
         "--batch-norm train");
  }
  if (slot.elements == spec.elements) return;
  fail("[optimizer] momentum and weight decay need whole layers, but ", slot.elements, " of the ",
       spec.elements, " weights of ", spec.name,
       " are selected; use --momentum 0 --weight-decay 0");
}

void Optimizer::apply(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
                      const ArenaView& shared, const kernels::StepControl* control,
                      Parameters& parameters) {
  for (const GradientSlot& slot : slots) {
    const ParameterSpec& spec = parameters.specs()[static_cast<size_t>(slot.parameter)];
    require_whole(slot, spec);
    kernels::SgdArgs args;
    args.w = parameters.data(slot.parameter);
    args.dw = shared.data(slot.sum);
    args.control = control;
    args.weight_decay = settings_.weight_decay;
    args.momentum = settings_.momentum;
    args.velocity = velocity_ ? velocity_->data(slot.parameter) : nullptr;
    if (slot.row_scale >= 0) args.row_scale = parameters.data(slot.row_scale);
    if (slot.elements == spec.elements) {  // in the order of the whole, whatever its layout
      const int64_t rows = slot.row_scale >= 0 ? slot.shape.out_c : slot.elements;
      args.kind = kernels::SliceKind::output_channels;
      args.channels = {nullptr, rows};
      backend.sgd(matrix_of(rows, slot.elements / rows), args);
    } else {
      args.kind = slot.kind;
      args.channels = {static_cast<const int32_t*>(shared.data(slot.channel_list)),
                       static_cast<int64_t>(slot.channels.size())};
      backend.sgd(slot.shape, args);
    }
  }
}

}  // namespace trady
