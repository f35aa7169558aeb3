#include "bench/cuda/grad_weight/layer_run.h"

#include <algorithm>
#include <memory>

#include "bench/cuda/graph_timer.h"
#include "bench/cuda/machine_kernels.h"
#include "kernels/device_memory.h"

namespace trady::bench {
namespace {

using kernels::ChannelList;
using kernels::ConvGradWeight;
using kernels::ConvShape;
using kernels::DeviceMemory;
using kernels::SliceKind;
using kernels::cuda::CudaBackend;

/// Between two uses of a buffer at least so many times the L2 cache passes through.
constexpr int64_t kCachesBetween = 3;
constexpr int64_t kMostSets = 256;

/// What one call reads.
struct BufferSet {
  std::unique_ptr<DeviceMemory> x, packed, dy;
};

/// Buffers of a layer for any number of channels.
class LayerBuffers {
 public:
  LayerBuffers(const CudaBackend& device, const ConvShape& shape, int64_t least_channels,
               int64_t most_bytes)
      : dw_(device, 4 * shape.weight_elements()), dense_dw_(device, 4 * shape.weight_elements()) {
    const int64_t read = 4 * (shape.out_elements() + shape.in_positions() * least_channels);
    const int64_t held = 4 * (shape.out_elements() + 2 * shape.in_elements());
    const int64_t wanted = (kCachesBetween * l2_cache_bytes() + read - 1) / read;
    const int64_t sets = std::clamp<int64_t>(std::min(wanted, most_bytes / held), 1, kMostSets);
    uint32_t seed = 1;
    const auto random = [&](int64_t count) {
      auto memory = std::make_unique<DeviceMemory>(device, 4 * count);
      fill_random(static_cast<float*>(memory->data()), count, seed++, device.stream());
      return memory;
    };
    for (int64_t i = 0; i < sets; ++i) {
      sets_.push_back(
          {random(shape.in_elements()), random(shape.in_elements()), random(shape.out_elements())});
    }
  }

  const BufferSet& set(int i) const { return sets_[static_cast<size_t>(i) % sets_.size()]; }
  int count() const { return static_cast<int>(sets_.size()); }
  void* dw() const { return dw_.data(); }
  void* dense_dw() const { return dense_dw_.data(); }

 private:
  std::vector<BufferSet> sets_;
  DeviceMemory dw_, dense_dw_;
};

/// A pass with a scratch of its own; null where the contestant has none.
struct Pass {
  std::unique_ptr<ConvGradWeight> run;
  std::unique_ptr<DeviceMemory> scratch;

  Pass(const CudaBackend& device, std::unique_ptr<ConvGradWeight> pass) : run(std::move(pass)) {
    if (run) scratch = std::make_unique<DeviceMemory>(device, run->scratch_bytes());
  }
};

std::vector<float> download(const CudaBackend& device, const void* memory, int64_t count) {
  std::vector<float> host(static_cast<size_t>(count));
  device.download(memory, 4 * count, host.data());
  return host;
}

/// own: [C'][k][k][n] of the listed channels, or depthwise [n][k][k]; dense: all channels.
double nmse_of(const ConvShape& shape, const std::vector<int32_t>& list,
               const std::vector<float>& own, const std::vector<float>& dense) {
  const auto count = static_cast<int64_t>(list.size());
  double error = 0, norm = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(own.size()); ++i) {
    const int64_t column = shape.depthwise ? i / shape.taps() : i % count;
    const int64_t row = shape.depthwise ? i % shape.taps() : i / count;
    const int64_t channel = list[static_cast<size_t>(column)];
    const int64_t at = shape.depthwise ? channel * shape.taps() + row : row * shape.in_c + channel;
    const double expected = dense[static_cast<size_t>(at)];
    const double difference = own[static_cast<size_t>(i)] - expected;
    error += difference * difference;
    norm += expected * expected;
  }
  return error / norm;
}

RowTimes run_row(const Contestants& who, const ConvShape& shape, const LayerBuffers& buffers,
                 const Pass& cudnn, double sparsity, const LayerSettings& settings) {
  const CudaBackend& device = *who.own;
  const int64_t count = channels_left(shape.in_c, sparsity);
  const std::vector<int32_t> list = spread_channels(shape.in_c, count);
  const DeviceMemory list_memory(device, 4 * count);
  device.upload(list.data(), 4 * count, list_memory.data());
  const ChannelList channels{static_cast<const int32_t*>(list_memory.data()), count};

  const Pass own(device, device.conv_grad_weight(shape, SliceKind::input_channels, count));
  const Pass cublas(
      device,
      who.cublas ? who.cublas->conv_grad_weight(shape, SliceKind::input_channels, count) : nullptr);
  const auto pack = [&](const BufferSet& set) {
    device.pack_channels(set.x->data(), shape.in_positions(), shape.in_c, channels,
                         set.packed->data());
  };
  const auto run = [&](const Pass& pass, const BufferSet& set) {
    pass.run->run({.x = set.packed->data(),
                   .dy = set.dy->data(),
                   .channels = channels,
                   .dw = buffers.dw(),
                   .scratch = pass.scratch->data()});
  };
  const auto run_dense = [&](const BufferSet& set) {
    cudnn.run->run({.x = set.x->data(),
                    .dy = set.dy->data(),
                    .channels = {},
                    .dw = buffers.dense_dw(),
                    .scratch = cudnn.scratch->data()});
  };

  RowTimes row{.sparsity = sparsity, .channels = count, .us = {}, .nmse_to_cudnn = -1};
  if (cudnn.run) {
    pack(buffers.set(0));
    run(own, buffers.set(0));
    run_dense(buffers.set(0));
    const int64_t elements = shape.weights_per_input_channel() * count;
    row.nmse_to_cudnn = nmse_of(shape, list, download(device, buffers.dw(), elements),
                                download(device, buffers.dense_dw(), shape.weight_elements()));
  }

  std::vector<Side> sides;
  const auto add = [&](const char* name, int sets, const DeviceCall& call) {
    sides.push_back(replayed_side(name, device, sets, call, settings.round_us));
  };
  add(kOwn, buffers.count(), [&](int i) { run(own, buffers.set(i)); });
  add(kOwnPacking, buffers.count(), [&](int i) {
    pack(buffers.set(i));
    run(own, buffers.set(i));
  });
  add(kOwnWarm, 1, [&](int) { run(own, buffers.set(0)); });
  if (cublas.run) {
    add(kCublasGather, buffers.count(), [&](int i) {
      pack(buffers.set(i));
      run(cublas, buffers.set(i));
    });
  }
  if (cudnn.run) {
    add(kCudnnDense, buffers.count(), [&](int i) { run_dense(buffers.set(i)); });
    add(kCudnnDenseWarm, 1, [&](int) { run_dense(buffers.set(0)); });
  }
  for (const TimedSide& timed : time_in_turn(sides, settings.rounds)) {
    row.us[timed.name] = timed.quartiles;
  }
  return row;
}

}  // namespace

LayerRun run_layer(const Contestants& contestants, const Layer& layer,
                   const std::vector<double>& sparsities, const LayerSettings& settings) {
  const ConvShape& shape = layer.shape;
  int64_t least = shape.in_c;
  for (const double sparsity : sparsities) {
    least = std::min(least, channels_left(shape.in_c, sparsity));
  }
  const LayerBuffers buffers(*contestants.own, shape, least, settings.most_bytes);
  const Pass cudnn(*contestants.own, contestants.cudnn
                                         ? contestants.cudnn->conv_grad_weight(
                                               shape, SliceKind::input_channels, shape.in_c)
                                         : nullptr);
  LayerRun measured{.buffer_sets = buffers.count(), .rows = {}};
  for (const double sparsity : sparsities) {
    const int64_t count = channels_left(shape.in_c, sparsity);
    const bool known = std::ranges::any_of(
        measured.rows, [&](const RowTimes& row) { return row.channels == count; });
    if (known) continue;
    measured.rows.push_back(run_row(contestants, shape, buffers, cudnn, sparsity, settings));
  }
  return measured;
}

}  // namespace trady::bench
