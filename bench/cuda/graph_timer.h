// Device time of work that is recorded into CUDA graphs and replayed, by events around the replays:
// what the host does meanwhile does not count.
#pragma once

#include <functional>
#include <string>

#include "bench/common/paired_timer.h"
#include "kernels/cuda/cuda_backend.h"

namespace trady::bench {

/// What a side does: enqueues call number i on the device's stream. Callers that rotate over
/// buffers take set i % sets.
using DeviceCall = std::function<void(int i)>;

/// A side for time_in_turn that answers in microseconds a call. `least_calls` or more calls are
/// recorded as one graph (so many that a graph takes about `round_us`, up to 64), which is replayed
/// for about `round_us` a round. Runs call 0 at once, outside of the graph. `device` and what the
/// call refers to must outlive the side. Throws std::runtime_error under TRADY_SYNC=1, where
/// nothing is recorded.
Side replayed_side(const std::string& name, const kernels::cuda::CudaBackend& device,
                   int least_calls, const DeviceCall& call, double round_us);

/// Keeps the device busy for about `ms` milliseconds with `call`: an idle GPU runs at a low clock.
void warm_up(const kernels::cuda::CudaBackend& device, const DeviceCall& call, double ms);

}  // namespace trady::bench
