// What the steps of one selection work on, once it is planned and its memory laid out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "engine/memory/arena.h"
#include "engine/optimizer.h"
#include "engine/parameters.h"
#include "engine/step/step_program.h"

namespace trady {

/// Images as bytes, in the host's memory.
struct BatchView {
  const uint8_t* pixels = nullptr;  ///< [count, S, S, 3]; null where images come decoded
  const int32_t* labels = nullptr;  ///< [count]
  int64_t count = 0;
  // With StepSettings::decoded_images, else null: as engine/data/loader.h has them.
  const uint8_t* images = nullptr;
  int64_t image_bytes = 0;
  const kernels::ImageTransform* transforms = nullptr;
};

/// Read access to the batch's gradient sums between backward and update.
struct GradientView {
  const kernels::Backend& backend;
  const std::vector<GradientSlot>& slots;
  const ArenaView& shared;
  /// Device memory.
  const void* values(const GradientSlot& slot) const { return shared.data(slot.sum); }
};

struct StepState {
  const Tape& tape;
  const kernels::Backend& backend;
  Parameters& parameters;
  Optimizer optimizer;

  std::unique_ptr<StepProgram> program = nullptr;  ///< null: nothing is selected
  Arena arena = {};
  ArenaView shared = {};
  std::vector<ArenaView> lanes = {};  ///< one a worker
  std::unique_ptr<GradientSums> sums = nullptr;
  std::vector<size_t> updated_residents = {};  ///< weight copies that an update makes stale
  std::function<void(const GradientView&)> on_gradients = nullptr;

  /// One block of the program's batches.
  std::byte* batch(int index) const {
    return static_cast<std::byte*>(shared.data(program->batches().at(static_cast<size_t>(index))));
  }
  kernels::StepControl* control(int index) const {
    return reinterpret_cast<kernels::StepControl*>(batch(index));
  }
  int32_t* labels(int index) const {
    return reinterpret_cast<int32_t*>(batch(index) + program->batch_layout().labels_offset());
  }
  int32_t* halted() const { return static_cast<int32_t*>(shared.data(program->halted())); }

  /// Part of a batch on its way through the network.
  struct MicroBatch {
    int lane = 0;
    int batch = 0;                          ///< block that holds its labels
    const uint8_t* batch_pixels = nullptr;  ///< of the whole batch, where the device reads them
    int64_t batch_images = 0;
    int64_t index = 0;
  };
  void run_micro_batch(const MicroBatch& part, bool backward);
  /// Losses and predictions of all micro-batches to the control block of the batch.
  void summarize(int batch, int64_t images) const;
  /// After summarize: judges the gradient sums, tells on_gradients, and applies them.
  void update(int batch);
  /// Reorders a kept weight copy again.
  void prepare_weight(size_t resident_index) const;
  void scale_gradient(const GradientSlot& slot) const;
};

}  // namespace trady
