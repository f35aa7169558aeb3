#include "engine/optimizer.h"

#include <cmath>

#include "engine/error.h"

namespace trady {

namespace {

constexpr int32_t kFirstChannel = 0;

/// y -= factor * x over n values: the slice update of a layer with one input channel.
void subtract(const kernels::Backend& backend, const void* x, int64_t n, double factor, void* y) {
  kernels::ConvShape column;
  column.out_c = n;
  kernels::SgdArgs args;
  args.w = y;
  args.dw = x;
  args.channels = {&kFirstChannel, 1};
  args.learning_rate = factor;
  backend.sgd(column, args);
}

}  // namespace

Optimizer::Optimizer(const OptimizerSettings& settings, const Parameters& parameters)
    : settings_(settings) {
  if (settings_.momentum != 0) {
    velocity_ = std::make_unique<Parameters>(parameters.specs(), parameters.dtype());
  }
}

double Optimizer::gradient_norm(const kernels::Backend& backend,
                                const std::vector<GradientSlot>& slots, const ArenaView& shared) {
  double squares = 0;
  for (const GradientSlot& slot : slots) {
    squares += backend.sum_squares(shared.data(slot.sum), slot.elements);
  }
  return std::sqrt(squares);
}

void Optimizer::apply_with_momentum(const kernels::Backend& backend, const GradientSlot& slot,
                                    void* gradient, double learning_rate, Parameters& parameters) {
  const ParameterSpec& spec = parameters.specs()[static_cast<size_t>(slot.parameter)];
  if (slot.elements != spec.elements) {
    fail("[optimizer] momentum and weight decay need whole layers, but ", slot.elements, " of the ",
         spec.elements, " weights of ", spec.name,
         " are selected; use --momentum 0 --weight-decay 0");
  }
  void* weight = parameters.data(slot.parameter);
  if (settings_.weight_decay != 0) {
    subtract(backend, weight, slot.elements, -settings_.weight_decay, gradient);
  }
  if (settings_.momentum != 0) {
    void* velocity = velocity_->data(slot.parameter);
    backend.scale(velocity, slot.elements, settings_.momentum);
    backend.add(gradient, slot.elements, velocity);
    gradient = velocity;
  }
  subtract(backend, gradient, slot.elements, learning_rate, weight);
}

void Optimizer::apply(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
                      const ArenaView& shared, double norm, double learning_rate,
                      Parameters& parameters) {
  const bool clip = settings_.clip_norm > 0 && norm > settings_.clip_norm;
  for (const GradientSlot& slot : slots) {
    void* gradient = shared.data(slot.sum);
    if (clip) backend.scale(gradient, slot.elements, settings_.clip_norm / (norm + 1e-6));
    if (settings_.momentum != 0 || settings_.weight_decay != 0) {
      apply_with_momentum(backend, slot, gradient, learning_rate, parameters);
    } else if (slot.is_bias) {
      subtract(backend, gradient, slot.elements, learning_rate, parameters.data(slot.parameter));
    } else {
      kernels::SgdArgs args;
      args.w = parameters.data(slot.parameter);
      args.dw = gradient;
      args.kind = slot.kind;
      args.channels = {slot.channels.data(), static_cast<int64_t>(slot.channels.size())};
      args.learning_rate = learning_rate;
      backend.sgd(slot.shape, args);
    }
  }
}

}  // namespace trady
