#include "engine/step/step_sizing.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/memory/arena.h"

namespace trady {

namespace {

/// Activations of a micro-batch that are taken to stay in a core's cache. Micro-batch 1 at 128 px
/// and 16 at 32 px follow from it; `bench_step --micro-batches` measures whether a machine agrees.
constexpr int64_t kCacheBytes = int64_t{5} << 18;  // 1.25 MiB

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

int forward_time_of(const Tape& tape, int conv) {
  const std::string& name = tape.convs()[static_cast<size_t>(conv)].name;
  for (size_t i = 0; i < tape.ops().size(); ++i) {
    if (tape.ops()[i]->name() == name) return static_cast<int>(i);
  }
  fail("[step] no op is called ", name);
}

int64_t grad_weight_scratch(const Tape& tape, const kernels::Backend& backend,
                            const StepDemand& demand, int64_t micro_batch) {
  int64_t most = 0;
  for (size_t i = 0; i < demand.max_channels.size(); ++i) {
    if (demand.max_channels[i] == 0) continue;
    kernels::ConvShape shape = tape.convs()[i].shape;
    shape.batch = micro_batch;
    const auto pass =
        backend.conv_grad_weight(shape, kernels::SliceKind::input_channels, demand.max_channels[i]);
    most = std::max(most, pass->scratch_bytes());
  }
  return most;
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

int64_t default_micro_batch(const Tape& tape, const kernels::Backend& backend, int64_t batch) {
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
    // weight gradient of a layer, live at every backward step; alignment costs less than one more
    // cache line (and its red zones) a layer.
    const int64_t slack = layers * (kBufferAlignment + 2 * lane.red_zone_bytes());
    const int shallowest = static_cast<int>(
        std::ranges::find_if(demand.max_channels, [](int64_t n) { return n > 0; }) -
        demand.max_channels.begin());
    const int first = forward_time_of(tape, shallowest);
    const int last = 2 * static_cast<int>(tape.ops().size()) - 1 - first;
    const BufferId saved =
        lane.add("saved inputs", MemoryCategory::saved_inputs,
                 scalar * settings.micro_batch * demand.activation_elements + slack);
    lane.use(saved, first);
    lane.use(saved, last);
    const BufferId gradient =
        lane.add("weight gradient", MemoryCategory::weight_gradients,
                 scalar * demand.layer_weight_elements +
                     grad_weight_scratch(tape, backend, demand, settings.micro_batch));
    lane.use(gradient, static_cast<int>(tape.ops().size()));
    lane.use(gradient, last);
    lane.place();
    shared += scalar * demand.weight_elements + slack;
  }
  return parameters.reserved_bytes() + optimizer_bytes + shared + workers * lane.reserved_bytes();
}

StepSizing size_step(const Tape& tape, const kernels::Backend& backend,
                     const Parameters& parameters, const StepDemand& demand,
                     const StepRequest& request) {
  KernelCache kernels(backend);
  const auto bytes_with = [&](int64_t micro_batch, WeightResidency residency, int workers) {
    const StepSettings settings{request.batch, micro_batch, true, residency};
    return step_bytes_bound(tape, backend, kernels, parameters, demand, settings, workers,
                            request.optimizer_bytes);
  };
  constexpr WeightResidency kKeepAll{true, true}, kKeepForward{true, false},
      kKeepNone{false, false};

  StepSizing sizing;
  sizing.settings.batch = request.batch;
  int64_t& micro_batch = sizing.settings.micro_batch;
  micro_batch = request.micro_batch.value_or(default_micro_batch(tape, backend, request.batch));
  if (request.batch < 1) fail("--batch must be at least 1, got ", request.batch);
  if (micro_batch < 1 || request.batch % micro_batch != 0) {
    fail("--micro-batch must divide --batch, got ", micro_batch, " and ", request.batch,
         "; try --micro-batch ", default_micro_batch(tape, backend, request.batch));
  }
  sizing.workers = static_cast<int>(
      std::min<int64_t>(std::max(request.threads, 1), request.batch / micro_batch));
  if (!request.memory_limit) {
    sizing.bytes = bytes_with(micro_batch, kKeepAll, sizing.workers);
    sizing.why = request.micro_batch ? "micro-batch as asked" : "micro-batch from the shapes";
    return sizing;
  }

  const int64_t limit = *request.memory_limit;
  while (!request.micro_batch && micro_batch > 1 && bytes_with(micro_batch, kKeepNone, 1) > limit) {
    do --micro_batch;
    while (request.batch % micro_batch != 0);
  }
  sizing.workers = static_cast<int>(
      std::min<int64_t>(std::max(request.threads, 1), request.batch / micro_batch));
  for (int workers = sizing.workers; workers >= 1; --workers) {
    for (WeightResidency residency : {kKeepAll, kKeepForward, kKeepNone}) {
      const int64_t bytes = bytes_with(micro_batch, residency, workers);
      if (bytes > limit) continue;
      sizing.settings.residency = residency;
      sizing.workers = workers;
      sizing.bytes = bytes;
      sizing.why = concat("--memory-limit ", mebibytes(limit), " leaves ", workers, " of ",
                          request.threads, " workers",
                          residency == kKeepAll       ? ""
                          : residency == kKeepForward ? ", backward weight copies made on the spot"
                                                      : ", weight copies made on the spot");
      return sizing;
    }
  }
  const int64_t least = bytes_with(request.micro_batch ? micro_batch : 1, kKeepNone, 1);
  fail("--memory-limit ", limit, " bytes is too little: this network, method and batch need ",
       least, " bytes with one worker", request.micro_batch ? " at this --micro-batch" : "",
       "; use --memory-limit ", mebibytes(least), " or more");
}

}  // namespace trady
