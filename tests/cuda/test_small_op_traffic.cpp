// The floors that the .cu files of batch-norm, max pooling and the shortcut name, against the bytes
// that their kernels touch: the host execution sees every access.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/cuda/measured_traffic.h"
#include "tests/kernels/device_under_test.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::GradientMode;
using kernels::cuda::CudaBackend;

/// Bytes of device memory that `run` touches; launchers count those of convolutions alone.
template <typename Run>
int64_t bytes_of(const CudaBackend& cuda, const Run& run) {
  const Measured m = measure(cuda, run);
  CHECK(m.counted == kernels::WorkTotals{});
  return m.touched;
}

TEST_CASE("traffic: batch-norm reads z once for its statistics", "[traffic][batch_norm]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  struct Case {
    int64_t positions, channels, pieces;
  };
  for (const Case& c : {Case{100, 16, 1}, {35, 3, 1}, {3000, 70, 47}}) {
    INFO(c.positions << " x " << c.channels);
    const int64_t elements = c.positions * c.channels, bytes = 4 * elements;
    const int64_t vector = 4 * c.channels;
    const Buffer z(*cuda, random_values(elements, 1)), dy(*cuda, random_values(elements, 2));
    const Buffer gamma(*cuda, random_values(c.channels, 3)),
        beta(*cuda, random_values(c.channels, 4));
    const Buffer mean(*cuda, c.channels), variance(*cuda, c.channels), dgamma(*cuda, c.channels),
        dbeta(*cuda, c.channels), y(*cuda, random_values(elements, 5)), dz(*cuda, elements);
    const DeviceArray<uint8_t> mask(*cuda, kernels::mask_bytes(elements));
    const kernels::BatchNormBuffers buffers{z.data(),     mean.data(), variance.data(),
                                            gamma.data(), beta.data(), 1e-3};
    // Two doubles a piece and channel, written and read, and the first row of z a second time.
    const bool split = c.pieces > 1;
    const int64_t piece_bytes = split ? 2 * 16 * c.pieces * c.channels : 0;
    CHECK(bytes_of(*cuda, [&] {
            cuda->batch_statistics(z.data(), c.positions, c.channels, mean.data(), variance.data());
          }) == bytes + 2 * vector + piece_bytes + (split ? vector : 0));
    CHECK(bytes_of(*cuda, [&] {
            cuda->batch_norm_grad_parameters(buffers, dy.data(), c.positions, c.channels,
                                             dgamma.data(), dbeta.data());
          }) == 2 * bytes + 4 * vector + piece_bytes);
    CHECK(bytes_of(*cuda, [&] {
            cuda->batch_norm_grad_input(buffers, dy.data(), dgamma.data(), dbeta.data(),
                                        c.positions, c.channels, dz.data());
          }) == 3 * bytes + 5 * vector);
    CHECK(bytes_of(*cuda, [&] {
            cuda->batch_norm_forward(buffers, c.positions, c.channels, Activation::relu, y.data(),
                                     y.data(), mask.data());
          }) == 3 * bytes + 4 * vector + kernels::mask_bytes(elements));
    CHECK(bytes_of(*cuda, [&] {
            cuda->batch_norm_forward(buffers, c.positions, c.channels, Activation::none, nullptr,
                                     y.data(), nullptr);
          }) == 2 * bytes + 4 * vector);
  }
}

TEST_CASE("traffic: max pooling", "[traffic][max_pool]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  // batch, in_h, in_w, channels, kernel, stride, padding; every pixel is in some window
  for (const kernels::MaxPoolShape& s :
       {kernels::MaxPoolShape{2, 9, 7, 3, 3, 2, 1}, {1, 8, 8, 16, 2, 2, 0}}) {
    const int64_t in = s.batch * s.in_h * s.in_w * s.channels;
    const int64_t out = s.batch * s.out_h() * s.out_w() * s.channels;
    const Buffer x(*cuda, random_values(in, 1)), y(*cuda, out), dx(*cuda, in);
    const Buffer dy(*cuda, random_values(out, 2));
    const DeviceArray<uint8_t> winner(*cuda, out);
    CHECK(bytes_of(*cuda, [&] { cuda->max_pool_forward(s, x.data(), y.data(), winner.data()); }) ==
          4 * in + 5 * out);
    CHECK(bytes_of(*cuda, [&] {
            cuda->max_pool_backward(s, dy.data(), winner.data(), dx.data());
          }) == 5 * out + 4 * in);
  }
}

TEST_CASE("traffic: the shortcut touches the pixels that pass", "[traffic][max_pool]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  // batch, in_h, in_w, in_c, stride, out_c, first_c
  for (const kernels::ShortcutShape& s :
       {kernels::ShortcutShape{2, 5, 7, 3, 2, 6, 1}, {2, 8, 8, 16, 2, 32, 8}}) {
    const int64_t in = s.batch * s.in_h * s.in_w * s.in_c;
    const int64_t out_positions = s.batch * s.out_h() * s.out_w();
    const int64_t passing = out_positions * s.in_c, out = out_positions * s.out_c;
    const Buffer x(*cuda, random_values(in, 1)), y(*cuda, out), dx(*cuda, in);
    CHECK(bytes_of(*cuda, [&] { cuda->shortcut_forward(s, x.data(), y.data()); }) ==
          4 * (passing + out));
    CHECK(bytes_of(*cuda, [&] {
            cuda->shortcut_backward(s, y.data(), dx.data(), GradientMode::overwrite);
          }) == 4 * (passing + in));
    CHECK(bytes_of(*cuda, [&] {
            cuda->shortcut_backward(s, y.data(), dx.data(), GradientMode::accumulate);
          }) == 12 * passing);
  }
}

}  // namespace
}  // namespace trady::testing
