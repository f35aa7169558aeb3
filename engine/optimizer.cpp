#include "engine/optimizer.h"

#include "engine/error.h"

namespace trady {

namespace {

/// n values one after another, as the rows of a layer with one input channel.
kernels::ConvShape column_of(int64_t n) {
  kernels::ConvShape column;
  column.out_c = n;
  return column;
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
    if (slot.elements == spec.elements) {  // in the order of the whole, whatever its layout
      args.kind = kernels::SliceKind::output_channels;
      args.channels = {nullptr, slot.elements};
      backend.sgd(column_of(slot.elements), args);
    } else {
      args.kind = slot.kind;
      args.channels = {static_cast<const int32_t*>(shared.data(slot.channel_list)),
                       static_cast<int64_t>(slot.channels.size())};
      backend.sgd(slot.shape, args);
    }
  }
}

}  // namespace trady
