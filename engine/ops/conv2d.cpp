#include "engine/ops/conv2d.h"

#include <numeric>
#include <optional>
#include <tuple>

#include "engine/error.h"
#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"
#include "kernels/trace.h"

namespace trady {

namespace {

using kernels::GradientMode;
using kernels::SliceKind;

/// The listed channels, or all of them.
std::vector<int32_t> updated_channels(const LayerUpdate& update, const kernels::ConvShape& shape) {
  if (update.kind != LayerUpdate::Kind::all) return update.channels;
  std::vector<int32_t> every(static_cast<size_t>(shape.in_c));
  std::iota(every.begin(), every.end(), 0);
  return every;
}

class Conv2dStep : public OpStep {
 public:
  Conv2dStep(StepPlanner& planner, const Conv2dOp& op, const Conv2dOp::Geometry& geometry)
      : name_(op.name()),
        input_(op.inputs().front()),
        output_(op.output()),
        g_(geometry),
        shape_(geometry.shape),
        update_(planner.needs_gradient(op.output()) ? op.update_in(planner.update())
                                                    : LayerUpdate::frozen()) {
    shape_.batch = planner.micro_batch();
    forward_pass_ = planner.kernels().forward(shape_, g_.activation);
    plan_forward(planner, op.keeps_input(update_));
  }

  void plan_backward(StepPlanner& planner) override;
  void forward(LaneRun& run) const override;
  void backward(LaneRun& run) const override;
  Work work() const override {
    return {shape_.multiply_adds(), grad_input_pass_ ? shape_.multiply_adds() : 0,
            grad_weight_multiply_adds_};
  }

 private:
  void plan_forward(StepPlanner& planner, bool keep_input_whole);
  void plan_grad_weight(StepPlanner& planner);
  kernels::ChannelList list(const LaneRun& run) const {
    return run.channels(channel_list_, static_cast<int64_t>(channels_.size()));
  }

  std::string name_;
  TensorId input_, output_;
  Conv2dOp::Geometry g_;
  kernels::ConvShape shape_;  // with the micro-batch
  LayerUpdate update_;
  std::vector<int32_t> channels_;
  BufferId channel_list_;
  SliceKind kind_ = SliceKind::input_channels;

  std::shared_ptr<const kernels::ConvForward> forward_pass_;
  WeightAccess forward_weight_;
  BufferId x_, y_, residual_, forward_scratch_, mask_;
  BufferId no_bias_;  // zeros, where the layer has none
  StepPlanner::Saved saved_;
  BufferId packed_list_;                           // of the channels that this op packs
  BufferId places_list_, gathered_;                // where saved_ holds more than the channels
  std::optional<StepPlanner::PackedOutput> save_;  // for another op, while y is written

  BufferId dy_;
  BufferId dy_mask_;  // to be applied, where whoever wrote dy has not
  std::unique_ptr<const kernels::ConvGradWeight> grad_weight_pass_;
  BufferId grad_weight_scratch_;
  GradientTarget dw_, db_;
  int64_t grad_weight_multiply_adds_ = 0;

  std::shared_ptr<const kernels::ConvGradInput> grad_input_pass_;
  WeightAccess grad_input_weight_;
  BufferId dx_, grad_input_scratch_;
  BufferId dx_mask_;  // of the activation that the input came out of
  GradientMode dx_mode_ = GradientMode::overwrite;
  BufferId residual_gradient_;  // set only where the gradient has to be added
};

void Conv2dStep::plan_forward(StepPlanner& planner, bool keep_input_whole) {
  x_ = planner.read(input_);
  if (g_.residual != kNoTensor) residual_ = planner.read(g_.residual);
  // The convolution reads windows of its input until the end, so that one is never written over.
  const bool in_place = g_.residual != kNoTensor && g_.residual != input_;
  y_ = in_place ? planner.write_over(output_, g_.residual) : planner.write(output_);
  if (g_.bias < 0) no_bias_ = planner.zeros(shape_.out_c);
  forward_weight_ = planner.forward_weight(g_.weight, forward_pass_, name_);
  forward_scratch_ = planner.temporary("forward scratch", MemoryCategory::workspace,
                                       forward_pass_->scratch_bytes());
  if (forward_pass_->packs_output()) save_ = planner.pack_output(output_);
  if (!planner.needs_gradient(output_)) return;

  mask_ = planner.make_mask(output_, g_.activation);
  if (!update_.updates_weight()) return;
  channels_ = updated_channels(update_, shape_);
  channel_list_ = planner.channel_list(channels_);
  if (update_.kind == LayerUpdate::Kind::output_channels) kind_ = SliceKind::output_channels;
  if (keep_input_whole) {
    saved_.buffer = x_;
  } else {
    saved_ = planner.save_channels(input_, channels_);
    if (saved_.first) packed_list_ = planner.channel_list(saved_.held);
  }
}

void Conv2dStep::plan_grad_weight(StepPlanner& planner) {
  const auto count = static_cast<int64_t>(channels_.size());
  grad_weight_pass_ = planner.backend().conv_grad_weight(shape_, kind_, count);
  planner.keep(saved_.buffer);
  if (!saved_.places.empty()) {
    places_list_ = planner.channel_list(saved_.places);
    gathered_ = planner.temporary(concat("gathered input of ", name_), MemoryCategory::saved_inputs,
                                  planner.scalar_bytes() * shape_.in_positions() * count);
  }

  GradientSlot slot;
  slot.parameter = g_.weight;
  slot.row_scale = g_.scale;
  slot.shape = g_.shape;
  slot.kind = kind_;
  slot.channels = channels_;
  slot.channel_list = channel_list_;
  slot.conv_index = g_.conv_index;
  const bool by_output = kind_ == SliceKind::output_channels && !shape_.depthwise;
  slot.elements =
      count * (by_output ? shape_.in_c * shape_.taps() : shape_.weights_per_input_channel());
  grad_weight_multiply_adds_ = slot.elements * shape_.out_positions();
  dw_ = planner.gradient_slot(std::move(slot));
  grad_weight_scratch_ = planner.temporary("grad_weight scratch", MemoryCategory::workspace,
                                           grad_weight_pass_->scratch_bytes());
}

void Conv2dStep::plan_backward(StepPlanner& planner) {
  dy_ = planner.gradient(output_);
  dy_mask_ = planner.untaken_mask(output_);
  if (update_.updates_weight()) plan_grad_weight(planner);
  if (update_.train_bias) {
    GradientSlot slot;
    slot.parameter = g_.bias;
    slot.shape = g_.shape;
    slot.is_bias = true;
    slot.conv_index = g_.conv_index;
    slot.elements = shape_.out_c;
    db_ = planner.gradient_slot(std::move(slot));
  }
  if (planner.needs_gradient(input_)) {
    grad_input_pass_ = planner.kernels().grad_input(shape_);
    std::tie(dx_, dx_mode_) = planner.write_gradient(input_);
    if (grad_input_pass_->masks_gradient()) dx_mask_ = planner.take_mask(input_);
    grad_input_weight_ = planner.grad_input_weight(g_.weight, grad_input_pass_, name_);
    grad_input_scratch_ = planner.temporary("grad_input scratch", MemoryCategory::workspace,
                                            grad_input_pass_->scratch_bytes());
  }
  if (g_.residual != kNoTensor && planner.needs_gradient(g_.residual) &&
      !planner.share_gradient(output_, g_.residual)) {
    residual_gradient_ = planner.write_gradient(g_.residual).first;
  }
}

void Conv2dStep::forward(LaneRun& run) const {
  kernels::ConvForward::Buffers buffers;
  buffers.x = run.at(x_);
  buffers.w = run.weight_for(*forward_pass_, forward_weight_);
  buffers.bias = g_.bias >= 0 ? run.parameter(g_.bias) : run.shared(no_bias_);
  buffers.residual = run.at(residual_);
  buffers.y = run.at(y_);
  buffers.mask = static_cast<uint8_t*>(run.at(mask_));
  buffers.scratch = run.at(forward_scratch_);
  if (save_) {
    buffers.save = {run.channels(save_->slots, shape_.out_c).index, run.at(save_->buffer),
                    save_->count};
  }
  if (packed_list_.valid()) {
    run.backend().pack_channels(
        buffers.x, shape_.in_positions(), shape_.in_c,
        run.channels(packed_list_, static_cast<int64_t>(saved_.held.size())),
        run.at(saved_.buffer));
  }
  forward_pass_->run(buffers);
}

void Conv2dStep::backward(LaneRun& run) const {
  void* dy = run.at(dy_);
  if (dy_mask_.valid()) {
    run.backend().apply_mask(dy, static_cast<const uint8_t*>(run.at(dy_mask_)),
                             shape_.out_elements());
  }
  if (grad_weight_pass_) {
    const kernels::ScopedLabel label("grad_weight");
    kernels::ConvGradWeight::Buffers buffers;
    buffers.x = run.at(saved_.buffer);
    buffers.channels = list(run);
    if (gathered_.valid()) {
      run.backend().pack_channels(
          buffers.x, shape_.in_positions(), static_cast<int64_t>(saved_.held.size()),
          run.channels(places_list_, buffers.channels.count), run.at(gathered_));
      buffers.x = run.at(gathered_);
    }
    buffers.dy = dy;
    buffers.dw = run.gradient(dw_);
    buffers.scratch = run.at(grad_weight_scratch_);
    grad_weight_pass_->run(buffers);
    run.add_gradient(dw_);
  }
  if (update_.train_bias) {
    run.backend().grad_bias(dy, shape_.out_positions(), shape_.out_c, run.gradient(db_));
    run.add_gradient(db_);
  }
  if (grad_input_pass_) {
    const kernels::ScopedLabel label("grad_input");
    kernels::ConvGradInput::Buffers buffers;
    buffers.dy = dy;
    buffers.w = run.weight_for(*grad_input_pass_, grad_input_weight_);
    buffers.dx = run.at(dx_);
    buffers.scratch = run.at(grad_input_scratch_);
    buffers.mask = static_cast<const uint8_t*>(run.at(dx_mask_));
    grad_input_pass_->run(buffers, dx_mode_);
  }
  // After dx: where the residual is the input itself, that pass has stored the first summand.
  if (residual_gradient_.valid()) {
    run.backend().add(dy, shape_.out_elements(), run.at(residual_gradient_));
  }
}

}  // namespace

Conv2dOp::Conv2dOp(std::string name, TensorId x, TensorId y, const Geometry& geometry)
    : Op(std::move(name),
         geometry.residual == kNoTensor ? std::vector<TensorId>{x}
                                        : std::vector<TensorId>{x, geometry.residual},
         y),
      geometry_(geometry) {}

LayerUpdate Conv2dOp::update_in(const UpdatePlan& plan) const {
  if (geometry_.conv_index < 0) return LayerUpdate::whole(true);
  LayerUpdate update = plan.convs.at(static_cast<size_t>(geometry_.conv_index));
  if (update.train_bias && (geometry_.bias < 0 || geometry_.scale >= 0)) {
    // The layer has no bias of its own: the batch-norm behind it has.
    if (update.kind == LayerUpdate::Kind::bias) return LayerUpdate::frozen();
    update.train_bias = false;
  }
  const int64_t limit = update.kind == LayerUpdate::Kind::output_channels ? geometry_.shape.out_c
                                                                          : geometry_.shape.in_c;
  for (size_t i = 0; i < update.channels.size(); ++i) {
    const int32_t channel = update.channels[i];
    if (channel < 0 || channel >= limit || (i > 0 && channel <= update.channels[i - 1])) {
      fail("[conv2d] ", name(), ": the update plan lists channel ", channel, " at place ", i,
           "; channels must ascend within 0 .. ", limit - 1);
    }
  }
  return update;
}

bool Conv2dOp::keeps_input(const LayerUpdate& update) const {
  if (!update.updates_weight()) return false;
  const auto count = static_cast<int64_t>(update.channels.size());
  switch (update.kind) {
    case LayerUpdate::Kind::all:
      return true;
    case LayerUpdate::Kind::output_channels:
      return !geometry_.shape.depthwise || count == geometry_.shape.in_c;
    default:
      return count == geometry_.shape.in_c;
  }
}

std::vector<int32_t> Conv2dOp::packs_input(const LayerUpdate& update) const {
  return update.updates_weight() && !keeps_input(update) ? update.channels : std::vector<int32_t>{};
}

std::unique_ptr<OpStep> Conv2dOp::plan(StepPlanner& planner) const {
  return std::make_unique<Conv2dStep>(planner, *this, geometry_);
}

}  // namespace trady
