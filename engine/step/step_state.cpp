#include "engine/step/step_state.h"

#include <algorithm>

namespace trady {

namespace {

constexpr double kStatisticsMomentum = 0.1;  // docs/method.md section 6

}  // namespace

void StepState::run_micro_batch(const MicroBatch& part, bool backward) {
  ArenaView& lane = lanes[static_cast<size_t>(part.lane)];
  LaneRun run(backend, parameters, lane, shared, sums.get());
  const int64_t m = program->settings().micro_batch;
  const int64_t first = part.index * m;  // of the batch's images
  run.inputs.pixels = part.batch_pixels + first * program->batch_layout().pixel_bytes();
  run.inputs.images = std::min(m, part.batch_images - first);
  run.inputs.labels = labels(part.batch) + first;
  run.inputs.loss = static_cast<double*>(shared.data(program->losses())) + first;
  run.inputs.predicted = static_cast<int32_t*>(shared.data(program->predictions())) + first;
  if (program->logits().valid()) {
    const int64_t logit_bytes = tape.classes() * kernels::bytes_of(backend.dtype());
    run.inputs.logits =
        static_cast<std::byte*>(shared.data(program->logits())) + first * logit_bytes;
  }
  run.inputs.micro_batch_index = part.index;
  run.inputs.training = backward;
  lane.end_all();  // what a failed step left behind
  program->forward(run, lane);
  if (backward) program->backward(run, lane);
  lane.end_all();  // what only backward would have retired
}

void StepState::summarize(int batch, int64_t images) const {
  backend.summarize(
      {static_cast<const double*>(shared.data(program->losses())),
       static_cast<const int32_t*>(shared.data(program->predictions())), labels(batch), images},
      control(batch));
}

void StepState::update(int batch) {
  const auto& slots = program->gradient_slots();
  for (const GradientSlot& slot : slots) scale_gradient(slot);
  optimizer.judge(backend, slots, shared, control(batch), halted());
  if (on_gradients) {
    kernels::StepControl judged;
    backend.download(control(batch), sizeof judged, &judged);
    if (judged.updates != 0) on_gradients({backend, slots, shared});
  }
  optimizer.apply(backend, slots, shared, control(batch), parameters);
  for (const BatchStatistics& batch_norm : program->statistics()) {
    backend.update_statistics(control(batch), shared.data(batch_norm.mean),
                              shared.data(batch_norm.variance), batch_norm.positions,
                              batch_norm.channels, kStatisticsMomentum,
                              parameters.data(batch_norm.layer->running_mean),
                              parameters.data(batch_norm.layer->running_variance));
  }
}

/// From the gradient of the merged weight s * W to that of W.
void StepState::scale_gradient(const GradientSlot& slot) const {
  if (slot.row_scale < 0) return;
  const bool by_row = slot.kind == kernels::SliceKind::output_channels || slot.shape.depthwise;
  kernels::ChannelList rows{nullptr, slot.shape.out_c};
  if (by_row) {
    rows = {static_cast<const int32_t*>(shared.data(slot.channel_list)),
            static_cast<int64_t>(slot.channels.size())};
  }
  backend.scale_rows(shared.data(slot.sum), rows, slot.elements / rows.count,
                     parameters.data(slot.row_scale));
}

void StepState::prepare_weight(size_t resident_index) const {
  const ResidentWeight& resident = program->resident_weights()[resident_index];
  const void* weight = parameters.data(resident.parameter);
  void* copy = shared.data(resident.copy);
  if (resident.forward) {
    resident.forward->prepare_weight(weight, copy);
  } else {
    resident.grad_input->prepare_weight(weight, copy);
  }
}

}  // namespace trady
