#include "kernels/cpu/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/vector_kernels.h"

namespace trady::kernels::cpu {
namespace {

/// Channels at a time: what is computed for each of them stays on the stack and in the cache.
constexpr int64_t kTile = 256;

/// visit(first channel, number of channels) for all tiles.
template <typename Visit>
void for_each_tile(int64_t channel_count, const Visit& visit) {
  for (int64_t first = 0; first < channel_count; first += kTile) {
    visit(first, std::min(kTile, channel_count - first));
  }
}

/// Rows of a matrix that are computed at a time. Whole bytes of a mask; the same whoever computes
/// them.
struct RowPieces {
  static constexpr int64_t kMost = 16, kUnit = 8;

  explicit RowPieces(int64_t all)
      : rows(all),
        each((all + kMost * kUnit - 1) / (kMost * kUnit) * kUnit),
        count(all == 0 ? 0 : (all + each - 1) / each) {}
  int64_t begin(int64_t piece) const { return piece * each; }
  int64_t rows_of(int64_t piece) const { return std::min(each, rows - begin(piece)); }

  int64_t rows, each, count;
};

/// Sums of two terms for each channel of a tile. They are taken piece by piece and added in order.
class PieceSums {
 public:
  /// sum(begin, rows, first, second) fills in what rows of one piece come to.
  template <typename Sum>
  PieceSums(int64_t positions, int64_t columns, const Team* team, const Sum& sum) {
    const RowPieces pieces(positions);
    run_pieces(team, pieces.count, [&](int64_t piece, int) {
      sum(pieces.begin(piece), pieces.rows_of(piece), parts_[piece][0], parts_[piece][1]);
    });
    for (int64_t piece = 1; piece < pieces.count; ++piece) {
      for (int which = 0; which < 2; ++which) {
        for (int64_t c = 0; c < columns; ++c) parts_[0][which][c] += parts_[piece][which][c];
      }
    }
  }
  double first(int64_t channel) const { return parts_[0][0][channel]; }
  double second(int64_t channel) const { return parts_[0][1][channel]; }

 private:
  double parts_[RowPieces::kMost][2][kTile];
};

const float* floats(const void* values, int64_t first) {
  return static_cast<const float*>(values) + first;
}

/// 1 / sqrt(variance + epsilon)
double inverse_deviation(const BatchNormBuffers& buffers, int64_t channel) {
  return 1 / std::sqrt(static_cast<double>(floats(buffers.variance, 0)[channel]) + buffers.epsilon);
}

}  // namespace

void batch_statistics(const float* z, int64_t positions, int64_t channel_count, float* mean,
                      float* variance, const Team* team) {
  const auto positions_count = static_cast<double>(positions);
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    // Read once: the first position, of every channel, is near enough to its mean.
    const float* origin = z + first;
    const PieceSums moments(
        positions, count, team, [&](int64_t begin, int64_t rows, double* sums, double* squares) {
          vector_kernels().column_moments({rows, count, channel_count},
                                          z + begin * channel_count + first, origin, sums, squares);
        });
    for (int64_t c = 0; c < count; ++c) {
      const double from_origin = moments.first(c) / positions_count;
      const double spread = moments.second(c) / positions_count - from_origin * from_origin;
      mean[first + c] = static_cast<float>(static_cast<double>(origin[c]) + from_origin);
      variance[first + c] = static_cast<float>(std::max(spread, 0.0));
    }
  });
}

void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask,
                        const Team* team) {
  // Where rows end within a byte of the mask, or all passes, that is a pass of its own.
  const bool masks = mask && channel_count % 8 == 0 && activation != Activation::none;
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    float slope[kTile];
    for (int64_t c = 0; c < count; ++c) {
      slope[c] = static_cast<float>(static_cast<double>(floats(buffers.gamma, first)[c]) *
                                    inverse_deviation(buffers, first + c));
    }
    const RowPieces pieces(positions);
    run_pieces(team, pieces.count, [&](int64_t piece, int) {
      const int64_t begin = pieces.begin(piece) * channel_count + first;
      NormalizeArgs args;
      args.shape = {pieces.rows_of(piece), count, channel_count};
      args.z = floats(buffers.z, begin);
      args.mean = floats(buffers.mean, first);
      args.slope = slope;
      args.offset = floats(buffers.beta, first);
      args.addend = residual ? residual + begin : nullptr;
      args.activation = activation;
      args.y = y + begin;
      args.mask = masks ? mask + begin / 8 : nullptr;
      vector_kernels().normalize(args);
    });
  });
  if (mask && !masks) vector_kernels().write_mask(y, positions * channel_count, activation, mask);
}

void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, float* dgamma, float* dbeta,
                                const Team* team) {
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    const PieceSums gradients(
        positions, count, team, [&](int64_t begin, int64_t rows, double* sums, double* products) {
          const int64_t at = begin * channel_count + first;
          vector_kernels().column_products({rows, count, channel_count}, dy + at,
                                           floats(buffers.z, at), floats(buffers.mean, first), sums,
                                           products);
        });
    for (int64_t c = 0; c < count; ++c) {
      dgamma[first + c] =
          static_cast<float>(gradients.second(c) * inverse_deviation(buffers, first + c));
      dbeta[first + c] = static_cast<float>(gradients.first(c));
    }
  });
}

void batch_norm_grad_input(const BatchNormBuffers& buffers, const float* dy, const float* dgamma,
                           const float* dbeta, int64_t positions, int64_t channel_count, float* dz,
                           const Team* team) {
  const auto positions_count = static_cast<double>(positions);
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    float slope[kTile], shift[kTile], tilt[kTile];
    for (int64_t c = 0; c < count; ++c) {
      const double inverse = inverse_deviation(buffers, first + c);
      slope[c] = static_cast<float>(static_cast<double>(floats(buffers.gamma, first)[c]) * inverse);
      shift[c] = static_cast<float>(static_cast<double>(dbeta[first + c]) / positions_count);
      tilt[c] =
          static_cast<float>(inverse * static_cast<double>(dgamma[first + c]) / positions_count);
    }
    const RowPieces pieces(positions);
    run_pieces(team, pieces.count, [&](int64_t piece, int) {
      const int64_t begin = pieces.begin(piece) * channel_count + first;
      NormalizeGradArgs args;
      args.shape = {pieces.rows_of(piece), count, channel_count};
      args.z = floats(buffers.z, begin);
      args.mean = floats(buffers.mean, first);
      args.dy = dy + begin;
      args.slope = slope;
      args.shift = shift;
      args.tilt = tilt;
      args.dz = dz + begin;
      vector_kernels().normalize_grad(args);
    });
  });
}

void update_statistics(const StepControl& control, const float* mean, const float* variance,
                       int64_t positions, int64_t channel_count, double momentum,
                       float* running_mean, float* running_variance) {
  if (control.updates == 0) return;
  const double unbiased =
      static_cast<double>(positions) / static_cast<double>(std::max<int64_t>(positions - 1, 1));
  const auto follow = [momentum](float& running, double value) {
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * value);
  };
  for (int64_t c = 0; c < channel_count; ++c) {
    follow(running_mean[c], static_cast<double>(mean[c]));
    follow(running_variance[c], static_cast<double>(variance[c]) * unbiased);
  }
}

}  // namespace trady::kernels::cpu
