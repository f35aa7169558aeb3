#include "tools/neuron_similarity.h"

#include <algorithm>
#include <cmath>

#include "engine/device_values.h"
#include "engine/error.h"
#include "engine/ops/op.h"

namespace trady::tools {

namespace {

StepSettings one_image_forward() {
  StepSettings settings;
  settings.training = false;
  settings.residency = {false, false};
  return settings;
}

std::vector<int> convs_by_op(const Tape& tape) {
  std::vector<int> convs;
  for (const auto& op : tape.ops()) {
    const auto found = std::ranges::find(tape.convs(), op->name(), &ConvLayer::name);
    convs.push_back(found == tape.convs().end() ? -1 : found->index);
  }
  return convs;
}

/// The cosine of column c of two matrices [positions, channels].
double column_cosine(const std::vector<double>& a, const std::vector<double>& b, size_t c,
                     size_t channels) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = c; i < a.size(); i += channels) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa == 0 || bb == 0) return aa == bb ? 1 : 0;
  return ab / std::sqrt(aa * bb);  // exactly 1 for equal columns
}

}  // namespace

NeuronSimilarity::Sizes::Sizes(const Tape& tape, const kernels::Backend& backend,
                               KernelCache& cache) {
  const int64_t scalar = kernels::bytes_of(backend.dtype());
  pixels = 3 * tape.image_size() * tape.image_size();
  for (const ConvLayer& conv : tape.convs()) {
    const auto pass = cache.forward(conv.shape, kernels::Activation::none);
    zeros = std::max(zeros, scalar * conv.shape.out_c);
    output = std::max(output, scalar * conv.shape.out_elements());
    prepared = std::max(prepared, pass->prepared_weight_bytes());
    scratch = std::max(scratch, pass->scratch_bytes());
  }
}

NeuronSimilarity::Side::Side(const StepProgram& program, Parameters& weights)
    : parameters(weights),
      arena(weights.backend(),
            program.shared_plan().reserved_bytes() + program.lane_plan().reserved_bytes()) {
  const bool on_host = weights.backend().on_host();
  shared = ArenaView(program.shared_plan(), arena.data(), on_host);
  shared.begin(0);
  lane = ArenaView(program.lane_plan(), arena.data() + program.shared_plan().reserved_bytes(),
                   on_host);
  program.upload_selection(weights.backend(), shared);
}

NeuronSimilarity::NeuronSimilarity(const Tape& tape, Parameters& parameters)
    : tape_(tape),
      now_(parameters),
      before_(parameters.specs(), parameters.backend()),
      cache_(parameters.backend()),
      program_(tape, UpdatePlan::head_only(tape.convs().size()), parameters.backend(), cache_,
               one_image_forward()),
      side_before_(program_, before_),
      side_now_(program_, now_),
      conv_of_op_(convs_by_op(tape)),
      sizes_(tape, parameters.backend(), cache_),
      pixels_(parameters.backend(), sizes_.pixels),
      zeros_(parameters.backend(), sizes_.zeros),
      output_(parameters.backend(), sizes_.output),
      prepared_(parameters.backend(), sizes_.prepared),
      scratch_(parameters.backend(), sizes_.scratch) {
  const kernels::Backend& backend = parameters.backend();
  backend.zero(zeros_.data(), sizes_.zeros / kernels::bytes_of(backend.dtype()));
  remember();
}

void NeuronSimilarity::remember() {
  for (size_t i = 0; i < now_.specs().size(); ++i) {
    const auto id = static_cast<ParameterId>(i);
    before_.set(id, now_.get(id));
  }
}

int64_t NeuronSimilarity::reserved_bytes() const {
  return before_.reserved_bytes() + side_before_.arena.bytes() + side_now_.arena.bytes() +
         sizes_.total();
}

int NeuronSimilarity::last_conv_op() const {
  const auto last =
      std::find_if(conv_of_op_.rbegin(), conv_of_op_.rend(), [](int conv) { return conv >= 0; });
  return static_cast<int>(conv_of_op_.rend() - last) - 1;
}

std::vector<double> NeuronSimilarity::output_of(Side& side, const ConvLayer& conv, TensorId input) {
  const kernels::Backend& backend = now_.backend();
  const auto pass = cache_.forward(conv.shape, kernels::Activation::none);
  const void* weight = side.parameters.data(side.parameters.find(conv.name + ".weight"));
  kernels::ConvForward::Buffers buffers;
  buffers.w = weight;
  if (pass->prepared_weight_bytes() > 0) {
    pass->prepare_weight(weight, prepared_.data());
    buffers.w = prepared_.data();
  }
  buffers.x = side.lane.data(program_.tensor(input));
  buffers.bias = zeros_.data();
  buffers.y = output_.data();
  buffers.scratch = scratch_.data();
  pass->run(buffers);
  return read_values(backend, output_.data(), conv.shape.out_elements());
}

void NeuronSimilarity::compare(const Batch& image, std::vector<std::vector<double>>& sums) {
  now_.backend().upload(image.pixels, sizes_.pixels, pixels_.data());
  for (Side* side : {&side_before_, &side_now_}) side->lane.end_all();
  for (int op = 0; op <= last_conv_op(); ++op) {
    const int conv = conv_of_op_[static_cast<size_t>(op)];
    std::vector<double> outputs[2];
    int which = 0;
    for (Side* side : {&side_before_, &side_now_}) {
      LaneRun run(now_.backend(), side->parameters, side->lane, side->shared, nullptr);
      run.inputs.pixels = static_cast<const uint8_t*>(pixels_.data());
      run.inputs.images = 1;
      side->lane.begin(op);
      program_.steps()[static_cast<size_t>(op)]->forward(run);
      if (conv >= 0) {
        const TensorId input = tape_.ops()[static_cast<size_t>(op)]->inputs().front();
        outputs[which++] = output_of(*side, tape_.convs()[static_cast<size_t>(conv)], input);
      }
      side->lane.end(op);
    }
    if (conv < 0) continue;
    std::vector<double>& of_conv = sums[static_cast<size_t>(conv)];
    for (size_t c = 0; c < of_conv.size(); ++c) {
      of_conv[c] += column_cosine(outputs[0], outputs[1], c, of_conv.size());
    }
  }
  for (Side* side : {&side_before_, &side_now_}) side->lane.end_all();
}

std::vector<std::vector<double>> NeuronSimilarity::measure(Loader& images) {
  std::vector<std::vector<double>> means(tape_.convs().size());
  for (const ConvLayer& conv : tape_.convs()) {
    means[static_cast<size_t>(conv.index)].assign(static_cast<size_t>(conv.shape.out_c), 0.0);
  }
  Batch image;
  int64_t count = 0;
  images.start_epoch(0);
  for (; images.next(image); ++count) {
    if (image.count != 1 || !image.pixels) fail("[similarity] expected one image at a time");
    compare(image, means);
  }
  if (count == 0) fail("[similarity] there are no held-out images");
  for (std::vector<double>& of_conv : means) {
    for (double& mean : of_conv) mean /= static_cast<double>(count);
  }
  return means;
}

}  // namespace trady::tools
