// One micro-batch on its way through the network: what ops see while a step runs.
#pragma once

#include <cstdint>

#include "engine/memory/arena.h"
#include "engine/parameters.h"
#include "engine/step/ordered_sum.h"
#include "engine/step/step_planner.h"

namespace trady {

class LaneRun {
 public:
  /// Device memory. m is the micro-batch (StepSettings), S the side of the network's input in
  /// pixels.
  struct Inputs {
    const uint8_t* pixels = nullptr;  ///< [images, S, S, 3]
    int64_t images = 0;               ///< at most m
    const int32_t* labels = nullptr;  ///< [m]
    double* loss = nullptr;           ///< [m]
    int32_t* predicted = nullptr;     ///< [m]
    void* logits = nullptr;           ///< [m, classes], or null: not wanted
    int64_t micro_batch_index = 0;
    bool training = false;  ///< whether backward and an update follow
  };

  LaneRun(const kernels::Backend& backend, Parameters& parameters, ArenaView& lane,
          const ArenaView& shared, GradientSums* sums)
      : backend_(backend), parameters_(parameters), lane_(lane), shared_(shared), sums_(sums) {}

  Inputs inputs;

  const kernels::Backend& backend() const { return backend_; }
  /// Address of a live buffer of this worker; null for an invalid id.
  void* at(BufferId id) const { return lane_.data(id); }
  /// `channels` as kernels read them: `list` is StepPlanner's.
  kernels::ChannelList channels(BufferId list, int64_t count) const {
    return {static_cast<const int32_t*>(shared_.data(list)), count};
  }
  const void* parameter(ParameterId id) const { return parameters_.data(id); }
  /// Address of a buffer of the shared plan.
  void* shared(BufferId id) const { return shared_.data(id); }

  /// The weight in the order that `pass` wants, made on the spot where no copy is kept.
  template <typename Pass>
  const void* weight_for(const Pass& pass, const WeightAccess& access) const {
    if (access.resident.valid()) return shared_.data(access.resident);
    if (!access.temporary.valid()) return parameter(access.parameter);
    pass.prepare_weight(parameter(access.parameter), at(access.temporary));
    return at(access.temporary);
  }

  /// After `own.buffer` has been filled.
  void finish_gradient(const StepPlanner::OwnGradient& own) const {
    if (own.sum.valid()) backend_.add(at(own.buffer), own.elements, at(own.sum));
  }

  /// Where this micro-batch's gradient is to be written.
  void* gradient(const GradientTarget& target) const {
    return target.temporary.valid() ? at(target.temporary) : sums_->sum(target.slot);
  }
  /// Adds what lies there to the batch's sum, after those of the micro-batches before.
  void add_gradient(const GradientTarget& target) const {
    if (!target.temporary.valid()) return;
    sums_->add(target.slot, inputs.micro_batch_index, at(target.temporary));
  }

 private:
  const kernels::Backend& backend_;
  Parameters& parameters_;
  ArenaView& lane_;
  const ArenaView& shared_;
  GradientSums* sums_;
};

}  // namespace trady
