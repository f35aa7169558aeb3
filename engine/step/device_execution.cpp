// Batches on a device beside the host. A batch goes into a pinned slot, is copied to the device
// beside the step that runs, and its own step is enqueued behind that one; the host waits only for
// the outcome of the batch that was begun first.
//
// The steps of a selection are recorded, one recording for each kind and each block that a batch
// may lie in, and replayed. The first batch of each runs primitive by primitive: that loads every
// kernel, which a recording must not.
#include <array>
#include <cstring>
#include <deque>
#include <vector>

#include "engine/error.h"
#include "engine/step/step_execution.h"
#include "kernels/trace.h"
#include "kernels/work_counters.h"

namespace trady {

namespace {

class DeviceExecution final : public StepExecution {
 public:
  explicit DeviceExecution(StepState& state) : state_(state) {}
  ~DeviceExecution() override { deselect(); }

  int max_lanes() const override { return 1; }
  void deselect() override;
  void selected() override;
  void prepare(const std::vector<size_t>& resident_indices) override {
    for (const size_t i : resident_indices) state_.prepare_weight(i);
  }
  void begin(StepKind kind, const BatchView& batch, double learning_rate) override;
  kernels::StepControl end() override;
  void abandon() noexcept override;

 private:
  /// Of one kind, in one block.
  struct Step {
    std::unique_ptr<kernels::Recording> recording;
    kernels::WorkTotals work;  // of one replay
    bool ran_once = false;
  };
  int blocks() const { return static_cast<int>(state_.program->batches().size()); }
  Step& step(StepKind kind, int block) {
    return steps_[static_cast<size_t>(kind)][static_cast<size_t>(block)];
  }
  int64_t fill(std::byte* slot, const BatchView& batch, double learning_rate) const;
  const uint8_t* pixels_of(int block, int64_t images) const;
  void allow_updates();
  void call_primitives(StepKind kind, int block, int64_t images);
  void record(StepKind kind, int block);
  void run(StepKind kind, int block, int64_t images);

  StepState& state_;
  std::unique_ptr<kernels::Transfers> transfers_;
  std::array<std::vector<Step>, 2> steps_;  // by kind, then block
  int next_block_ = 0;
  std::deque<StepKind> under_way_;
  bool halted_ = false;
};

void DeviceExecution::deselect() {
  transfers_.reset();  // waits for what is under way
  for (auto& of_kind : steps_) of_kind.clear();
  under_way_.clear();
}

void DeviceExecution::selected() {
  transfers_ = state_.backend.make_transfers(blocks(), state_.program->batch_layout().bytes());
  for (auto& of_kind : steps_) of_kind.resize(static_cast<size_t>(blocks()));
  allow_updates();
}

/// The device halts by itself after a step that is not finite, so that those under way behind it
/// update nothing either; it goes on when the host has seen that.
void DeviceExecution::allow_updates() {
  constexpr int32_t kNotHalted = 0;
  state_.backend.upload(&kNotHalted, sizeof kNotHalted, state_.halted());
  halted_ = false;
}

/// Writes the batch to a slot; returns how many bytes of it are to be sent.
int64_t DeviceExecution::fill(std::byte* slot, const BatchView& batch, double learning_rate) const {
  const BatchLayout& layout = state_.program->batch_layout();
  const auto put = [slot](int64_t offset, const void* from, int64_t bytes) {
    std::memcpy(slot + offset, from, static_cast<size_t>(bytes));
    return offset + bytes;
  };
  kernels::StepControl control;
  control.learning_rate = learning_rate;
  std::memset(slot, 0, static_cast<size_t>(layout.images_offset()));
  put(0, &control, sizeof control);
  put(layout.labels_offset(), batch.labels, batch.count * int64_t{sizeof(int32_t)});
  if (layout.images == ImageForm::pixels) {
    return put(layout.images_offset(), batch.pixels, batch.count * layout.pixel_bytes());
  }
  put(layout.transforms_offset(), batch.transforms,
      batch.count * int64_t{sizeof(kernels::ImageTransform)});
  return put(layout.images_offset(), batch.images, batch.image_bytes);
}

/// Address of the batch's pixels on the device, made out of its decoded images if need be.
const uint8_t* DeviceExecution::pixels_of(int block, int64_t images) const {
  const StepProgram& program = *state_.program;
  const BatchLayout& layout = program.batch_layout();
  const std::byte* batch = state_.batch(block);
  const auto* sent = reinterpret_cast<const uint8_t*>(batch + layout.images_offset());
  if (layout.images == ImageForm::pixels) return sent;
  const kernels::ScopedLabel label("image", "transform");
  kernels::ImageBuffers buffers;
  buffers.images = sent;
  buffers.transforms =
      reinterpret_cast<const kernels::ImageTransform*>(batch + layout.transforms_offset());
  buffers.pixels = static_cast<uint8_t*>(state_.shared.data(program.pixels()));
  buffers.scratch = state_.shared.data(program.image_scratch());
  state_.backend.transform_images(buffers, images, layout.image_size);
  return buffers.pixels;
}

void DeviceExecution::call_primitives(StepKind kind, int block, int64_t images) {
  const uint8_t* pixels = pixels_of(block, images);
  const int64_t m = state_.program->settings().micro_batch;
  state_.sums->reset();
  for (int64_t index = 0; index * m < images; ++index) {
    state_.run_micro_batch({0, block, pixels, images, index}, kind == StepKind::train);
  }
  state_.summarize(block, images);
  if (kind != StepKind::train) return;
  state_.update(block);
  prepare(state_.updated_residents);
}

/// Launchers count what they launch; a replay has none, and recording runs nothing.
void DeviceExecution::record(StepKind kind, int block) {
  Step& step = this->step(kind, block);
  kernels::WorkCounters& counters = kernels::work_counters();
  const kernels::WorkTotals before = counters.snapshot();
  const int64_t images = state_.program->settings().batch;
  step.recording = state_.backend.record([&] { call_primitives(kind, block, images); });
  step.work = counters.snapshot() - before;
  counters.add(before - counters.snapshot());
}

void DeviceExecution::run(StepKind kind, int block, int64_t images) {
  Step& step = this->step(kind, block);
  const bool whole = images == state_.program->settings().batch;
  const bool listened_to = kind == StepKind::train && state_.on_gradients != nullptr;
  if (!step.ran_once || !whole || listened_to) {
    call_primitives(kind, block, images);
    step.ran_once = step.ran_once || whole;
    return;
  }
  if (!step.recording) record(kind, block);
  if (step.recording) {
    step.recording->replay();
    kernels::work_counters().add(step.work);
  } else {
    call_primitives(kind, block, images);
  }
}

void DeviceExecution::begin(StepKind kind, const BatchView& batch, double learning_rate) {
  if (halted_ && under_way_.empty()) allow_updates();
  const int block = next_block_;
  if (halted_) fail("[step] a step was not finite; end the batches under way before the next");
  const int64_t bytes = fill(transfers_->host(block), batch, learning_rate);
  transfers_->send(block, bytes, state_.batch(block));
  run(kind, block, batch.count);
  transfers_->fetch(block, state_.control(block), sizeof(kernels::StepControl));
  under_way_.push_back(kind);
  next_block_ = (block + 1) % blocks();
}

kernels::StepControl DeviceExecution::end() {
  const int begun = static_cast<int>(under_way_.size());
  const int block = (next_block_ + blocks() - begun) % blocks();
  transfers_->wait(block);
  kernels::StepControl control;
  std::memcpy(&control, transfers_->host(block), sizeof control);
  halted_ = halted_ || (under_way_.front() == StepKind::train && control.updates == 0);
  under_way_.pop_front();
  return control;
}

void DeviceExecution::abandon() noexcept {
  try {
    // Whatever was called, completely or not; it may still read blocks and slots.
    state_.backend.synchronize();
  } catch (const std::exception&) {
    // Told already, or by the next call: an error of the device stays.
  }
  under_way_.clear();
  halted_ = true;  // perhaps: the next begin() allows updates again
}

}  // namespace

std::unique_ptr<StepExecution> make_device_execution(StepState& state) {
  return std::make_unique<DeviceExecution>(state);
}

}  // namespace trady
