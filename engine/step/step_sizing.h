// How a step is cut: samples at a time, workers, and which weight copies stay, from the shapes, the
// worst draw that a method can make and the memory that there is.
#pragma once

#include <optional>
#include <string>

#include "engine/parameters.h"
#include "engine/step/step_program.h"

namespace trady {

/// Upper bound of what one method's steps need, over all epochs.
struct StepDemand {
  /// Of a method without draws the plan itself; of a budgeted one a plan that reaches as deep.
  UpdatePlan plan;
  // What the draws add to `plan`, in elements (selection/draw_bounds.h); 0 without draws.
  int64_t weight_elements = 0;        ///< packed dW of all layers
  int64_t layer_weight_elements = 0;  ///< packed dW of one layer
  int64_t activation_elements = 0;    ///< saved inputs, per sample
  std::vector<int64_t> max_channels;  ///< by conv: for the scratch of its weight gradient
  kernels::SliceKind kind = kernels::SliceKind::input_channels;  ///< of max_channels
};

struct StepRequest {
  int64_t batch = 32;
  int threads = 1;
  std::optional<int64_t> micro_batch;   ///< absent: the default for these shapes
  std::optional<int64_t> memory_limit;  ///< bytes of the step's peak; absent: none
  int64_t optimizer_bytes = 0;
  /// Whether batches can come decoded: a device that transforms images does so then, unless the
  /// memory is limited.
  bool decoded_images = false;
};

struct StepSizing {
  StepSettings settings;
  int workers = 1;
  int64_t bytes = 0;  ///< upper bound of the step's peak
  std::string why;    ///< in words, for the log
};

/// The micro-batch depends on shapes, limit and demand with one worker, so that every machine
/// computes the same; the limit then takes away weight copies and workers, which change no bit. It
/// is passed on in the settings: StepRunner holds every selection to it.
/// Throws Error that names the least limit that would do.
StepSizing size_step(const Tape& tape, const kernels::Backend& backend,
                     const Parameters& parameters, const StepDemand& demand,
                     const StepRequest& request);

/// What any draw's step reserves at most under these settings, in bytes. It is made from one plan
/// in which one block stands for all saved inputs, and one for a layer's gradient and its scratch.
/// A draw's own, smaller buffers could always be laid out within these blocks; but they are placed
/// largest first into the lowest gaps, and that can, though it has not been seen to, leave wider
/// gaps. So where a limit must hold, StepRunner::select compares each selection's bytes with it.
int64_t step_bytes_bound(const Tape& tape, const kernels::Backend& backend, KernelCache& kernels,
                         const Parameters& parameters, const StepDemand& demand,
                         const StepSettings& settings, int workers, int64_t optimizer_bytes);

/// The largest divisor of the batch whose activations stay in a core's cache; on a device beside
/// the host the whole batch, as far as it can index the tensors; with batch-norm trained always the
/// whole one.
int64_t default_micro_batch(const Tape& tape, const kernels::Backend& backend, int64_t batch);

}  // namespace trady
