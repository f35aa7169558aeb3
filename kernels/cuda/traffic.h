// Bytes of device memory that the convolutions' kernels have to move: every byte that a kernel
// reads counted once, and every byte that it writes. The launchers add them to work_counters(); a
// GPU that reaches its memory's bandwidth needs bytes / bandwidth, the floor of a pass beside its
// arithmetic.
//
//   forward      4 (R C + W + C' + P' C')                     x, w, bias; y
//                + 4 P' C' for a residual
//                + P' C' / 8 for a mask, + 4 P' C' where a kernel of its own makes it from y
//                + 4 (C' + P' n) to pack n channels           where they go; the packed copy
//   grad_input   4 (P' C' + W + P C)                          dy, w; dx
//                + 4 P C to accumulate                        dx as it was
//                + P C / 8 for a mask
//   grad_weight  4 (R c + P' o + n S)                         x, dy; dw
//                + 4 n where dy is gathered                   the list of channels
//                + 2 partial sums                             written, and read again
//
// P = N H W and P' = N H' W' positions, of which R <= P are read by some output (a stride may leave
// some out); W weights; n listed slices of S weights each; c and o channels of x and dy: n and C',
// for output channels C and n, depthwise n and n.
//
// Counted once: what several taps read (x and dy of a k x k window), what several blocks read (w, x
// and dy of wide layers), all of which L1 and L2 may hold. Not counted: the rest of a 32-byte
// sector from which a listed channel of dy is taken. The kernels move exactly that
// (tests/cuda/test_traffic.cpp) but for two things: those that skip padding do not read a weight
// that meets nothing else, and depthwise strips at stride 2 may read pixels at the end of a row
// that no output needs.
#pragma once

#include <cstdint>

#include "kernels/types.h"

namespace trady::kernels::cuda {

/// What a forward pass does beside y = activation(conv(x, w) + bias).
struct ForwardExtras {
  bool residual = false;
  bool mask = false;
  bool mask_from_output = false;  ///< by mask_from_output.h, not in the epilogue
  bool saves = false;             ///< PackedSave
  int64_t saved_channels = 0;
};
int64_t forward_bytes(const ConvShape& shape, const ForwardExtras& extras);

int64_t grad_input_bytes(const ConvShape& shape, GradientMode mode, bool masked = false);

/// partial_bytes: of sums that one kernel leaves to the next, 0 if it finishes them itself.
int64_t grad_weight_bytes(const ConvShape& shape, SliceKind kind, int64_t count,
                          int64_t partial_bytes);

}  // namespace trady::kernels::cuda
