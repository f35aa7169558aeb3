#include "engine/step/step_sizing.h"

#include <algorithm>
#include <limits>

#include "engine/error.h"
#include "engine/memory/arena.h"

namespace trady {

namespace {

/// Activations of a micro-batch that leave room for weights in a core's second-level cache of
/// 512 KiB. Micro-batch 1 at 128 and 64 px and 4 at 32 px follow for mbv2-w0.35: within a tenth of
/// the fastest (docs/results.md, time by micro-batch), and with the least memory.
constexpr int64_t kCacheBytes = 256 << 10;

/// The two largest tensors that are live together on the way forward, per sample.
int64_t forward_elements(const Tape& tape) {
  int64_t most = 0;
  for (const auto& op : tape.ops()) {
    if (op->output() == kNoTensor) continue;
    int64_t live = tape.shape(op->output()).elements();
    for (TensorId input : op->inputs()) live += tape.shape(input).elements();
    most = std::max(most, live);
  }
  return most;
}

int op_index_of(const Tape& tape, const ConvLayer& conv) {
  const auto found =
      std::ranges::find_if(tape.ops(), [&](const auto& op) { return op->name() == conv.name; });
  if (found == tape.ops().end()) fail("[step] no op is called ", conv.name);
  return static_cast<int>(found - tape.ops().begin());
}

/// When the tensor that an op reads first is written.
int input_written_at(const Tape& tape, int op_index) {
  const TensorId input = tape.ops()[static_cast<size_t>(op_index)]->inputs().front();
  const auto found =
      std::ranges::find_if(tape.ops(), [&](const auto& op) { return op->output() == input; });
  return static_cast<int>(found - tape.ops().begin());
}

/// By conv: whether another one reads its input too.
std::vector<bool> convs_that_share_inputs(const Tape& tape) {
  std::vector<TensorId> inputs;
  std::vector<int> readers(tape.tensor_count(), 0);
  for (const ConvLayer& conv : tape.convs()) {
    const auto op = static_cast<size_t>(op_index_of(tape, conv));
    inputs.push_back(tape.ops()[op]->inputs().front());
    ++readers[static_cast<size_t>(inputs.back())];
  }
  std::vector<bool> shared(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    shared[i] = readers[static_cast<size_t>(inputs[i])] > 1;
  }
  return shared;
}

/// Times of the first and the last use of what draws may save.
struct SavedLife {
  int first, last;
};

SavedLife life_of_saved(const Tape& tape, const kernels::Backend& backend,
                        const StepDemand& demand) {
  SavedLife life{static_cast<int>(tape.ops().size()), 0};
  for (size_t i = 0; i < demand.max_channels.size(); ++i) {
    if (demand.max_channels[i] == 0) continue;
    const ConvLayer& conv = tape.convs()[i];
    const int op_index = op_index_of(tape, conv);
    // Where all channels may be listed, the input itself is kept, and not a copy; and a device
    // beside the host may pack while the input is written (ConvForward::packs_output).
    const bool from_the_input_on = demand.kind == kernels::SliceKind::output_channels ||
                                   demand.max_channels[i] == conv.shape.in_c || !backend.on_host();
    life.first =
        std::min(life.first, from_the_input_on ? input_written_at(tape, op_index) : op_index);
    life.last = std::max(life.last, 2 * static_cast<int>(tape.ops().size()) - 1 - op_index);
  }
  return life;
}

int64_t grad_weight_scratch(const Tape& tape, KernelCache& kernels, const StepDemand& demand,
                            int64_t micro_batch) {
  int64_t most = 0;
  for (size_t i = 0; i < demand.max_channels.size(); ++i) {
    if (demand.max_channels[i] == 0) continue;
    kernels::ConvShape shape = tape.convs()[i].shape;
    shape.batch = micro_batch;
    most = std::max(most,
                    kernels.grad_weight_scratch_bytes(shape, demand.kind, demand.max_channels[i]));
  }
  return most;
}

/// Of a layer whose input another one reads too, and may save other channels of: its own are
/// gathered from all of them (StepPlanner::save_channels).
int64_t gathered_elements(const Tape& tape, const std::vector<bool>& shares_input,
                          const StepDemand& demand, int64_t micro_batch) {
  int64_t most = 0;
  for (size_t i = 0; i < demand.max_channels.size(); ++i) {
    const ConvLayer& conv = tape.convs()[i];
    if (demand.max_channels[i] == 0 || !shares_input[i]) continue;
    most = std::max(most, micro_batch * conv.shape.in_positions() * demand.max_channels[i]);
  }
  return most;
}

/// The lists of the selected channels, where the device packs, of every channel's place, and where
/// two layers save channels of one tensor, of all of them and of each one's place among them.
int64_t selection_bytes(const Tape& tape, const std::vector<bool>& shares_input,
                        const kernels::Backend& backend, const StepDemand& demand) {
  int64_t entries = 0;
  for (size_t i = 0; i < demand.max_channels.size(); ++i) {
    if (demand.max_channels[i] == 0) continue;
    const ConvLayer& conv = tape.convs()[i];
    entries += demand.max_channels[i] + (backend.on_host() ? 0 : conv.shape.in_c);
    if (shares_input[i]) entries += conv.shape.in_c + demand.max_channels[i];
  }
  return entries * int64_t{sizeof(int32_t)};
}

int64_t updatable_layers(const StepDemand& demand) {
  return std::ranges::count_if(demand.max_channels, [](int64_t n) { return n > 0; });
}

std::string mebibytes(int64_t bytes) {
  // Rounded up to two digits, so that the value can be used as a limit.
  const int64_t hundredths = (bytes * 100 + (1 << 20) - 1) >> 20;
  return concat(hundredths / 100, hundredths % 100 < 10 ? ".0" : ".", hundredths % 100, "MiB");
}

}  // namespace

namespace {

/// A device beside the host is wide and in need of much work at once: the whole batch, or the
/// largest divisor whose tensors it can index (kernels/cuda/window.cuh).
int64_t micro_batch_of_device(const Tape& tape, int64_t batch) {
  constexpr int64_t kMostElements = std::numeric_limits<int32_t>::max();
  int64_t largest = 1;
  for (const auto& op : tape.ops()) {
    if (op->output() != kNoTensor) largest = std::max(largest, tape.shape(op->output()).elements());
  }
  int64_t m = batch;
  while (m > 1 && (batch % m != 0 || m * largest > kMostElements)) --m;
  return m;
}

}  // namespace

int64_t default_micro_batch(const Tape& tape, const kernels::Backend& backend, int64_t batch) {
  if (tape.needs_whole_batch()) return batch;
  if (!backend.on_host()) return micro_batch_of_device(tape, batch);
  const int64_t per_sample = forward_elements(tape) * kernels::bytes_of(backend.dtype());
  int64_t best = 1;
  for (int64_t m = 1; m <= batch; ++m) {
    if (batch % m == 0 && m * per_sample <= kCacheBytes) best = m;
  }
  return best;
}

int64_t step_bytes_bound(const Tape& tape, const kernels::Backend& backend, KernelCache& kernels,
                         const Parameters& parameters, const StepDemand& demand,
                         const StepSettings& settings, int workers, int64_t optimizer_bytes) {
  const StepProgram program(tape, demand.plan, backend, kernels, settings);
  MemoryPlan lane = program.lane_plan();
  int64_t shared = program.shared_plan().reserved_bytes();
  const int64_t scalar = kernels::bytes_of(backend.dtype());
  const int64_t layers = updatable_layers(demand);
  if (layers > 0) {
    // One block for all saved inputs, live as long as the deepest of them can be, and one for the
    // weight gradient of a layer, its input and its scratch, live at every backward step; alignment
    // costs less than one more cache line (and its red zones) a buffer.
    const int64_t buffer_slack = kBufferAlignment + 2 * lane.red_zone_bytes();
    const int64_t slack = layers * buffer_slack;
    const SavedLife life = life_of_saved(tape, backend, demand);
    const std::vector<bool> shares_input = convs_that_share_inputs(tape);
    const BufferId saved =
        lane.add("saved inputs", MemoryCategory::saved_inputs,
                 scalar * settings.micro_batch * demand.activation_elements + slack);
    lane.use(saved, life.first);
    lane.use(saved, life.last);
    const BufferId gradient = lane.add(
        "weight gradient", MemoryCategory::weight_gradients,
        scalar * (demand.layer_weight_elements +
                  gathered_elements(tape, shares_input, demand, settings.micro_batch)) +
            grad_weight_scratch(tape, kernels, demand, settings.micro_batch) + 3 * buffer_slack);
    lane.use(gradient, static_cast<int>(tape.ops().size()));
    lane.use(gradient, life.last);
    lane.place();
    // Five buffers a layer: the sum of its gradients and four lists of channels.
    shared += scalar * demand.weight_elements +
              selection_bytes(tape, shares_input, backend, demand) + 5 * slack;
  }
  return backend.workspace_bytes() + parameters.reserved_bytes() + optimizer_bytes + shared +
         workers * lane.reserved_bytes();
}

namespace {

constexpr WeightResidency kKeepAll{true, true}, kKeepForward{true, false}, kKeepNone{false, false};

/// Finds settings within a limit. The micro-batch comes first, with everything else at its least,
/// so that it does not depend on the machine's number of cores.
class SizingSearch {
 public:
  SizingSearch(const Tape& tape, const kernels::Backend& backend, const Parameters& parameters,
               const StepDemand& demand, const StepRequest& request)
      : tape_(tape),
        backend_(backend),
        parameters_(parameters),
        demand_(demand),
        request_(request),
        kernels_(backend) {
    sizing_.settings.batch = request.batch;
    sizing_.settings.micro_batch = request.micro_batch.value_or(default_micro_batch());
    sizing_.settings.memory_limit = request.memory_limit;
    sizing_.settings.batches_in_flight = most_in_flight();
    sizing_.settings.decoded_images =
        request.decoded_images && backend.transforms_images() && !request.memory_limit;
  }

  StepSizing without_limit() {
    sizing_.workers = most_workers();
    sizing_.bytes = bytes_with(kKeepAll, sizing_.workers);
    sizing_.why = tape_.needs_whole_batch() ? "batch-norm statistics are of the whole batch"
                  : request_.micro_batch    ? "micro-batch as asked"
                                            : "micro-batch from the shapes";
    return sizing_;
  }

  StepSizing within(int64_t limit) {
    int64_t& micro_batch = sizing_.settings.micro_batch;
    const auto least = [&] { return bytes_with(kKeepNone, 1); };
    sizing_.settings.batches_in_flight = 1;
    const bool may_shrink = !request_.micro_batch && !tape_.needs_whole_batch();
    while (may_shrink && micro_batch > 1 && least() > limit) {
      do --micro_batch;
      while (request_.batch % micro_batch != 0);
    }
    if (least() > limit) refuse(limit, least());
    sizing_.settings.batches_in_flight = most_in_flight();
    if (least() > limit) sizing_.settings.batches_in_flight = 1;
    for (int workers = most_workers(); workers >= 1; --workers) {
      for (WeightResidency residency : {kKeepAll, kKeepForward, kKeepNone}) {
        const int64_t bytes = bytes_with(residency, workers);
        if (bytes > limit) continue;
        sizing_.settings.residency = residency;
        sizing_.workers = workers;
        sizing_.bytes = bytes;
        sizing_.why = concat("--memory-limit ", mebibytes(limit), " leaves ", what_is_left());
        return sizing_;
      }
    }
    refuse(limit, least());
  }

 private:
  int64_t default_micro_batch() const {
    return trady::default_micro_batch(tape_, backend_, request_.batch);
  }
  int most_in_flight() const { return backend_.on_host() ? 1 : 2; }
  int most_workers() const {
    if (!backend_.on_host()) return 1;
    return static_cast<int>(std::min<int64_t>(std::max(request_.threads, 1),
                                              request_.batch / sizing_.settings.micro_batch));
  }
  int64_t bytes_with(WeightResidency residency, int workers) {
    StepSettings settings = sizing_.settings;
    settings.residency = residency;
    return step_bytes_bound(tape_, backend_, kernels_, parameters_, demand_, settings, workers,
                            request_.optimizer_bytes);
  }
  std::string what_is_left() const {
    std::string text = backend_.on_host()
                           ? concat(sizing_.workers, " of ", most_workers(), " workers")
                           : concat(sizing_.settings.batches_in_flight, " of ", most_in_flight(),
                                    " batches under way");
    if (sizing_.settings.residency == kKeepForward) {
      text += ", backward weight copies made on the spot";
    }
    if (sizing_.settings.residency == kKeepNone) text += ", weight copies made on the spot";
    return text;
  }
  [[noreturn]] void refuse(int64_t limit, int64_t least) const {
    fail("--memory-limit ", limit, " bytes is too little: this network, method and batch need ",
         least, " bytes with one worker", request_.micro_batch ? " at this --micro-batch" : "",
         "; use --memory-limit ", mebibytes(least), " or more",
         backend_.threads() > 1 ? ", or fewer --threads, which share every layer" : "");
  }

  const Tape& tape_;
  const kernels::Backend& backend_;
  const Parameters& parameters_;
  const StepDemand& demand_;
  const StepRequest& request_;
  KernelCache kernels_;
  StepSizing sizing_;
};

}  // namespace

StepSizing size_step(const Tape& tape, const kernels::Backend& backend,
                     const Parameters& parameters, const StepDemand& demand,
                     const StepRequest& request) {
  if (request.batch < 1) fail("--batch must be at least 1, got ", request.batch);
  const int64_t micro_batch = request.micro_batch.value_or(1);
  if (micro_batch < 1 || request.batch % micro_batch != 0) {
    fail("--micro-batch must divide --batch, got ", micro_batch, " and ", request.batch,
         "; try --micro-batch ", default_micro_batch(tape, backend, request.batch));
  }
  if (tape.needs_whole_batch() && micro_batch != request.batch && request.micro_batch) {
    fail("--micro-batch ", micro_batch,
         ": with --batch-norm train the statistics are those of the ", "whole batch of ",
         request.batch, "; leave --micro-batch out or use --batch-norm frozen");
  }
  SizingSearch search(tape, backend, parameters, demand, request);
  return request.memory_limit ? search.within(*request.memory_limit) : search.without_limit();
}

}  // namespace trady
