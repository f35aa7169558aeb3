#include "engine/step/step_planner.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "engine/error.h"
#include "engine/memory/arena.h"

namespace trady {

namespace {

/// Of two ascending lists.
std::vector<int32_t> union_of(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  std::vector<int32_t> all;
  std::ranges::set_union(a, b, std::back_inserter(all));
  return all;
}

}  // namespace

StepPlanner::StepPlanner(const Tape& tape, const UpdatePlan& update,
                         const kernels::Backend& backend, KernelCache& kernels,
                         const StepSettings& settings)
    : tape_(tape),
      update_(update),
      backend_(backend),
      kernels_(kernels),
      settings_(settings),
      lane_(arena_red_zone_bytes()),
      shared_(arena_red_zone_bytes()),
      tensors_(tape.tensor_count()),
      gradients_(tape.tensor_count()),
      needs_gradient_(tape.tensor_count(), false),
      kept_whole_(tape.tensor_count(), false),
      last_read_(tape.tensor_count(), -1),
      masks_(tape.tensor_count()),
      readers_(tape.tensor_count(), 0),
      packed_first_(tape.tensor_count()),
      packed_shared_(tape.tensor_count()) {
  std::vector<size_t> packed_channels(tape.tensor_count(), 0);  // by tensor: of all lists
  for (size_t i = 0; i < tape.ops().size(); ++i) {
    const Op& op = *tape.ops()[i];
    const LayerUpdate own = settings.training ? op.update_in(update) : LayerUpdate::frozen();
    bool needed = own.needs_gradient();
    for (TensorId input : op.inputs()) {
      last_read_[static_cast<size_t>(input)] = static_cast<int>(i);
      ++readers_[static_cast<size_t>(input)];
      needed = needed || needs_gradient_[static_cast<size_t>(input)];
    }
    if (op.output() != kNoTensor) needs_gradient_[static_cast<size_t>(op.output())] = needed;
    if (const std::vector<int32_t> packed = op.packs_input(own); !packed.empty()) {
      const auto tensor = static_cast<size_t>(op.inputs().front());
      if (packed_first_[tensor].empty()) packed_first_[tensor] = packed;
      packed_channels[tensor] += packed.size();
      packed_shared_[tensor] = union_of(packed_shared_[tensor], packed);
    }
    if (op.keeps_input(own)) kept_whole_[static_cast<size_t>(op.inputs().front())] = true;
  }
  for (const auto& op : tape.ops()) {
    if (op->output() != kNoTensor && last_read_[static_cast<size_t>(op->output())] < 0) {
      fail("[step] no op reads the output of ", op->name(),
           "; the network's builder must use it or leave the op out");
    }
  }
  for (size_t tensor = 0; tensor < packed_channels.size(); ++tensor) {
    // Lists that do not overlap are kept apart: kernels read them as they lie.
    if (packed_shared_[tensor].size() == packed_channels[tensor]) packed_shared_[tensor].clear();
  }
}

const std::string& StepPlanner::op_name() const {
  return tape_.ops()[static_cast<size_t>(op_index_)]->name();
}

BufferId StepPlanner::use(BufferId id, const char* complaint) {
  if (!id.valid()) fail("[step] ", op_name(), " ", complaint);
  lane_.use(id, time_);
  return id;
}

void StepPlanner::keep(BufferId id) {
  use(id, "keeps a buffer that it has not got");
}

void StepPlanner::enter_forward(int op_index) {
  op_index_ = op_index;
  time_ = op_index;
}

void StepPlanner::enter_backward(int op_index) {
  op_index_ = op_index;
  time_ = 2 * static_cast<int>(tape_.ops().size()) - 1 - op_index;
}

BufferId StepPlanner::read(TensorId id) {
  return use(tensors_[static_cast<size_t>(id)], "reads a tensor that no op before it writes");
}

BufferId StepPlanner::fresh_tensor(TensorId id) {
  const std::string name = concat("output of ", op_name());
  return tensors_[static_cast<size_t>(id)] =
             buffer_from_now(name, MemoryCategory::activations,
                             scalar_bytes() * settings_.micro_batch * tape_.shape(id).elements());
}

BufferId StepPlanner::write(TensorId id) {
  return fresh_tensor(id);
}

BufferId StepPlanner::write_over(TensorId id, TensorId over) {
  const auto index = static_cast<size_t>(over);
  if (last_read_[index] != op_index_ || kept_whole_[index]) return fresh_tensor(id);
  tensors_[static_cast<size_t>(id)] = tensors_[index];
  return read(id);
}

StepPlanner::Saved StepPlanner::save_channels(TensorId id, const std::vector<int32_t>& channels) {
  const auto tensor = static_cast<size_t>(id);
  Saved saved;
  if (kept_whole_[tensor]) {
    saved.buffer = tensors_[tensor];
    saved.held.resize(static_cast<size_t>(tape_.shape(id).c));
    std::iota(saved.held.begin(), saved.held.end(), 0);
    saved.places = channels;
    return saved;
  }
  saved.held = packed_shared_[tensor].empty() ? channels : packed_shared_[tensor];
  if (saved.held != channels) {
    for (const int32_t channel : channels) {
      const auto place = std::ranges::lower_bound(saved.held, channel) - saved.held.begin();
      saved.places.push_back(static_cast<int32_t>(place));
    }
  }
  const auto [entry, inserted] = saved_.try_emplace({id, saved.held});
  if (inserted) {
    entry->second =
        buffer_from_now(concat("saved input of ", op_name()), MemoryCategory::saved_inputs,
                        scalar_bytes() * settings_.micro_batch * tape_.shape(id).positions() *
                            static_cast<int64_t>(saved.held.size()));
  }
  saved.buffer = entry->second;
  saved.first = inserted;
  return saved;
}

std::optional<StepPlanner::PackedOutput> StepPlanner::pack_output(TensorId id) {
  const auto tensor = static_cast<size_t>(id);
  if (packed_first_[tensor].empty() || kept_whole_[tensor]) return std::nullopt;
  const Saved saved = save_channels(id, packed_first_[tensor]);
  std::vector<int32_t> slots(static_cast<size_t>(tape_.shape(id).c), -1);
  for (size_t i = 0; i < saved.held.size(); ++i) {
    slots[static_cast<size_t>(saved.held[i])] = static_cast<int32_t>(i);
  }
  return PackedOutput{saved.buffer, channel_list(slots), static_cast<int64_t>(saved.held.size())};
}

BufferId StepPlanner::temporary(const std::string& name, MemoryCategory category, int64_t bytes) {
  if (bytes == 0) return {};
  return buffer_from_now(name, category, bytes);
}

BufferId StepPlanner::buffer_from_now(const std::string& name, MemoryCategory category,
                                      int64_t bytes) {
  const BufferId id = lane_.add(name, category, bytes);
  lane_.use(id, time_);
  return id;
}

BufferId StepPlanner::gradient(TensorId id) {
  return use(gradients_[static_cast<size_t>(id)],
             "needs the gradient of a tensor that no op after it computes");
}

std::pair<BufferId, kernels::GradientMode> StepPlanner::write_gradient(TensorId id) {
  BufferId& buffer = gradients_[static_cast<size_t>(id)];
  if (buffer.valid()) {
    lane_.use(buffer, time_);
    return {buffer, kernels::GradientMode::accumulate};
  }
  buffer =
      buffer_from_now(concat("gradient from ", op_name()), MemoryCategory::activation_gradients,
                      scalar_bytes() * settings_.micro_batch * tape_.shape(id).elements());
  return {buffer, kernels::GradientMode::overwrite};
}

BufferId StepPlanner::make_mask(TensorId id, kernels::Activation activation) {
  if (activation == kernels::Activation::none || !needs_gradient(id)) return {};
  const int64_t elements = settings_.micro_batch * tape_.shape(id).elements();
  return masks_[static_cast<size_t>(id)].buffer = buffer_from_now(
             concat("mask of ", op_name()), MemoryCategory::masks, kernels::mask_bytes(elements));
}

BufferId StepPlanner::untaken_mask(TensorId id) {
  const Mask& mask = masks_[static_cast<size_t>(id)];
  if (!mask.buffer.valid() || mask.taken) return {};
  lane_.use(mask.buffer, time_);
  return mask.buffer;
}

BufferId StepPlanner::take_mask(TensorId id) {
  Mask& mask = masks_[static_cast<size_t>(id)];
  if (!mask.buffer.valid() || readers_[static_cast<size_t>(id)] > 1) return {};
  mask.taken = true;
  lane_.use(mask.buffer, time_);
  return mask.buffer;
}

StepPlanner::OwnGradient StepPlanner::overwrite_gradient(TensorId id) {
  const auto [buffer, mode] = write_gradient(id);
  const int64_t elements = settings_.micro_batch * tape_.shape(id).elements();
  if (mode == kernels::GradientMode::overwrite) return {buffer, {}, elements};
  return {temporary(concat("share of ", op_name()), MemoryCategory::activation_gradients,
                    scalar_bytes() * elements),
          buffer, elements};
}

bool StepPlanner::share_gradient(TensorId from, TensorId to) {
  BufferId& target = gradients_[static_cast<size_t>(to)];
  if (target.valid()) {
    lane_.use(target, time_);
    return false;
  }
  target = use(gradients_[static_cast<size_t>(from)],
               "passes on the gradient of a tensor that no op after it computes");
  return true;
}

GradientTarget StepPlanner::gradient_slot(GradientSlot slot) {
  const ParameterSpec& parameter = tape_.parameters()[static_cast<size_t>(slot.parameter)];
  slot.sum = shared_.add(concat("gradient of ", parameter.name), MemoryCategory::weight_gradients,
                         scalar_bytes() * slot.elements);
  shared_.use(slot.sum, 0);
  GradientTarget target{static_cast<int>(slots_.size()), {}};
  if (settings_.batch > settings_.micro_batch) {
    target.temporary = temporary(concat("gradient of ", parameter.name, " of a micro-batch"),
                                 MemoryCategory::weight_gradients, scalar_bytes() * slot.elements);
  }
  slots_.push_back(std::move(slot));
  return target;
}

BufferId StepPlanner::channel_list(const std::vector<int32_t>& channels) {
  const auto [entry, inserted] = lists_.try_emplace(channels);
  if (!inserted) return entry->second;
  const BufferId id = shared_.add(concat("channels of ", op_name()), MemoryCategory::selection,
                                  static_cast<int64_t>(channels.size() * sizeof(int32_t)));
  shared_.use(id, 0);
  selection_data_.push_back({channels, id});
  entry->second = id;
  return id;
}

BufferId StepPlanner::zeros(int64_t count) {
  // Zeros of every type have the same bits.
  return channel_list(std::vector<int32_t>(
      static_cast<size_t>(count * scalar_bytes() / int64_t{sizeof(int32_t)}), 0));
}

BatchStatistics StepPlanner::batch_statistics(const BatchNormLayer& layer, int64_t positions,
                                              int64_t channels) {
  BatchStatistics statistics{&layer, {}, {}, positions, channels};
  for (BufferId* id : {&statistics.mean, &statistics.variance}) {
    *id = shared_.add(concat(id == &statistics.mean ? "mean of " : "variance of ", layer.name),
                      MemoryCategory::batch, scalar_bytes() * channels);
    shared_.use(*id, 0);
  }
  statistics_.push_back(statistics);
  return statistics;
}

WeightAccess StepPlanner::access_weight(ParameterId parameter, int64_t prepared_bytes,
                                        bool resident, const std::string& name) {
  WeightAccess access{parameter, {}, {}};
  if (prepared_bytes == 0) return access;
  if (!resident) {
    access.temporary = temporary(concat("reordered weight of ", name),
                                 MemoryCategory::prepared_weights, prepared_bytes);
    return access;
  }
  access.resident = shared_.add(concat("reordered weight of ", name),
                                MemoryCategory::prepared_weights, prepared_bytes);
  shared_.use(access.resident, 0);
  return access;
}

WeightAccess StepPlanner::forward_weight(ParameterId parameter,
                                         std::shared_ptr<const kernels::ConvForward> pass,
                                         const std::string& name) {
  const WeightAccess access =
      access_weight(parameter, pass->prepared_weight_bytes(), settings_.residency.forward, name);
  if (access.resident.valid()) {
    residents_.push_back({parameter, std::move(pass), nullptr, access.resident});
  }
  return access;
}

WeightAccess StepPlanner::grad_input_weight(ParameterId parameter,
                                            std::shared_ptr<const kernels::ConvGradInput> pass,
                                            const std::string& name) {
  const WeightAccess access =
      access_weight(parameter, pass->prepared_weight_bytes(), settings_.residency.grad_input, name);
  if (access.resident.valid()) {
    residents_.push_back({parameter, nullptr, std::move(pass), access.resident});
  }
  return access;
}

}  // namespace trady
