// The passes of cuBLAS and cuDNN on a GPU, held to the reference as our own kernels are. A library
// that trady was built without is skipped; what cuDNN has no engine for is printed.
#include <catch2/catch.hpp>
#include <functional>
#include <iostream>

#include "kernels/cuda/cublas_passes.h"
#include "kernels/cuda/cudnn_passes.h"
#include "kernels/work_counters.h"
#include "tests/cuda/cuda_device.h"
#include "tests/cuda/packed_slots.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::SliceKind;
using kernels::cuda::CudaBackend;
using kernels::cuda::Implementation;
using kernels::cuda::Precision;
using kernels::cuda::VendorPasses;

constexpr double kTf32Nmse = 1e-6;

/// A device whose convolutions are a library's wherever that has the pass, and the library itself.
struct Setting {
  Implementation implementation;
  Precision precision;
  std::unique_ptr<CudaBackend> cuda;
  std::unique_ptr<VendorPasses> library;

  double tolerance() const { return precision == Precision::fp32 ? kFloat32Nmse : kTf32Nmse; }
  std::string name() const {
    return library->version() + (precision == Precision::fp32 ? ", fp32" : ", tf32");
  }
};

/// Calls check(setting) for every library of the build, in both precisions.
void with_libraries(const std::function<void(const Setting&)>& check) {
  for (const auto implementation : {Implementation::cublas, Implementation::cudnn}) {
    for (const auto precision : {Precision::fp32, Precision::tf32}) {
      Setting s{implementation, precision, nullptr, nullptr};
      s.cuda = cuda_device({.precision = precision, .only = implementation});
      if (!s.cuda) return;
      const bool cublas = implementation == Implementation::cublas;
      s.library = cublas ? kernels::cuda::make_cublas_passes(precision, s.cuda->stream())
                         : kernels::cuda::make_cudnn_passes(precision, s.cuda->stream());
      if (!s.library) {
        std::cout << "SKIP: built without " << (cublas ? "cuBLAS" : "cuDNN") << "\n";
        break;
      }
      check(s);
    }
  }
}

/// The odd shapes, and layers of networks: some of a reduction so long that it is split.
std::vector<ConvCase> cases() {
  std::vector<ConvCase> all = odd_convs();
  all.push_back({"pointwise of a network", {16, 16, 16, 96, 24, 1, 1, 0, false}});
  all.push_back({"stem of a network", {8, 64, 64, 3, 16, 3, 2, 1, false}});
  all.push_back({"3x3 of a network", {8, 16, 16, 32, 32, 3, 1, 1, false}});
  return all;
}

bool is_product(const ConvShape& s) {
  return s.kernel == 1 && s.stride == 1 && s.padding == 0 && !s.depthwise;
}

/// Whether a pass is offered: cuBLAS has exactly the products, cuDNN at least the dense layers of
/// networks; anything else that it has not is told.
bool offered(const Setting& s, const ConvCase& test, const char* pass_name, bool exists) {
  if (s.implementation == Implementation::cublas) {
    CHECK(exists == is_product(test.shape));
  } else if (!exists) {
    CHECK(test.name.find("of a network") == std::string::npos);
    std::cout << s.name() << " has no " << pass_name << " for " << test.name << "\n";
  }
  return exists;
}

/// Bits that differ, apart from values within `margin` of a corner.
int64_t wrong_mask_bits(const std::vector<uint8_t>& mask, const std::vector<double>& linear,
                        double margin) {
  int64_t wrong = 0;
  for (size_t i = 0; i < linear.size(); ++i) {
    const double v = linear[i];
    if (std::abs(v) < margin || std::abs(v - 6) < margin) continue;
    wrong += ((mask[i / 8] >> (i % 8)) & 1) != (v > 0 && v < 6);
  }
  return wrong;
}

TEST_CASE("vendor passes: forward with bias, residual, activation and mask", "[vendor]") {
  const auto reference = float64_reference();
  with_libraries([&](const Setting& s) {
    for (const ConvCase& test : cases()) {
      const ConvShape& shape = test.shape;
      INFO(s.name() << ", " << test.name);
      const bool exists = s.library->conv_forward(shape, Activation::relu6) != nullptr;
      if (!offered(s, test, "forward", exists)) continue;
      for (const bool with_residual : {false, true}) {
        ConvInputs in = random_conv_inputs(shape, with_residual);
        for (double& v : in.x) v *= 4;
        const auto linear = run_conv_forward(*reference, shape, Activation::none, in, false).y;
        const auto expected = run_conv_forward(*reference, shape, Activation::relu6, in, false).y;
        const auto plain = run_conv_forward(*s.cuda, shape, Activation::none, in, true);
        CHECK(nmse(plain.y, linear) <= s.tolerance());
        CHECK(plain.mask.front() ==
              (shape.out_elements() < 8 ? (1 << shape.out_elements()) - 1 : 255));
        const auto actual = run_conv_forward(*s.cuda, shape, Activation::relu6, in, true);
        CHECK(nmse(actual.y, expected) <= s.tolerance());
        const double margin = s.precision == Precision::fp32 ? 1e-3 : 0.3;
        CHECK(wrong_mask_bits(actual.mask, linear, margin) == 0);
        if (!with_residual) continue;
        const auto in_place =
            run_conv_forward(*s.cuda, shape, Activation::relu6, in, true, ResidualPlace::in_y);
        CHECK(nmse(in_place.y, expected) <= s.tolerance());
        CHECK(wrong_mask_bits(in_place.mask, linear, margin) == 0);
      }
    }
  });
}

TEST_CASE("vendor passes: the listed channels of y are packed", "[vendor]") {
  with_libraries([](const Setting& s) {
    for (const ConvCase& test : cases()) {
      const ConvShape& shape = test.shape;
      INFO(s.name() << ", " << test.name);
      for (const auto activation : {Activation::none, Activation::relu6}) {
        const auto pass = s.library->conv_forward(shape, activation);
        if (!pass) continue;
        const ConvInputs in = random_conv_inputs(shape, false);
        const Buffer x(*s.cuda, in.x), w(*s.cuda, in.w), bias(*s.cuda, in.bias);
        const DeviceBytes scratch(*s.cuda, pass->scratch_bytes());
        const auto list = channel_lists(shape.out_c)[2];
        const Buffer y(*s.cuda, shape.out_elements());
        const DeviceArray<int32_t> slots(*s.cuda, slots_of(list, shape.out_c));
        const Buffer saved(*s.cuda, shape.out_positions() * count_of(list));
        pass->run({.x = x.data(),
                   .w = w.data(),
                   .bias = bias.data(),
                   .y = y.data(),
                   .scratch = scratch.data(),
                   .save = {slots.data(), saved.data(), count_of(list)}});
        const DeviceChannels channels(*s.cuda, list);
        const Buffer packed(*s.cuda, saved.elements());
        s.cuda->pack_channels(y.data(), shape.out_positions(), shape.out_c, channels.list(),
                              packed.data());
        CHECK(bit_identical(saved.values(), packed.values()));
        CHECK(bit_identical(y.values(), run_conv_forward(*s.cuda, shape, activation, in, false).y));
      }
    }
  });
}

TEST_CASE("vendor passes: grad_input, overwritten and accumulated", "[vendor]") {
  const auto reference = float64_reference();
  with_libraries([&](const Setting& s) {
    for (const ConvCase& test : cases()) {
      const ConvShape& shape = test.shape;
      INFO(s.name() << ", " << test.name);
      const bool exists = s.library->conv_grad_input(shape) != nullptr;
      if (!offered(s, test, "grad_input", exists)) continue;
      const ConvInputs in = random_conv_inputs(shape, false);
      auto expected = run_conv_grad_input(*reference, shape, in.w, in.dy);
      CHECK(nmse(run_conv_grad_input(*s.cuda, shape, in.w, in.dy), expected) <= s.tolerance());
      const auto before = random_values(shape.in_elements(), 6);
      for (size_t i = 0; i < expected.size(); ++i) expected[i] += before[i];
      CHECK(nmse(run_conv_grad_input(*s.cuda, shape, in.w, in.dy, before), expected) <=
            s.tolerance());
    }
  });
}

TEST_CASE("vendor passes: grad_weight for lists, of cuDNN for all channels alone", "[vendor]") {
  const auto reference = float64_reference();
  with_libraries([&](const Setting& s) {
    for (const ConvCase& test : cases()) {
      const ConvShape& shape = test.shape;
      const ConvInputs in = random_conv_inputs(shape, false);
      for (const auto kind : {SliceKind::input_channels, SliceKind::output_channels}) {
        for (const auto& list : channel_lists(channels_of_kind(shape, kind))) {
          INFO(s.name() << ", " << test.name << ", " << list.size() << " channels");
          const bool all = count_of(list) == channels_of_kind(shape, kind);
          const bool exists = s.library->conv_grad_weight(shape, kind, count_of(list)) != nullptr;
          if (list.empty() || (s.implementation == Implementation::cudnn && !all)) {
            CHECK_FALSE(exists);
            continue;
          }
          if (!offered(s, test, "grad_weight", exists)) continue;
          CHECK(nmse(run_conv_grad_weight(*s.cuda, shape, kind, list, in.x, in.dy),
                     run_conv_grad_weight(*reference, shape, kind, list, in.x, in.dy)) <=
                s.tolerance());
        }
      }
    }
  });
}

TEST_CASE("vendor passes: the same bytes every time, and the work that the formula says",
          "[vendor]") {
  auto& counters = kernels::work_counters();
  with_libraries([&](const Setting& s) {
    for (const ConvCase& test : cases()) {
      const ConvShape& shape = test.shape;
      INFO(s.name() << ", " << test.name);
      const ConvInputs in = random_conv_inputs(shape, false);
      const auto every = channel_lists(shape.in_c).back();
      const auto run_all = [&] {
        counters.reset();
        return std::vector{
            run_conv_forward(*s.cuda, shape, Activation::relu6, in, false).y,
            run_conv_grad_input(*s.cuda, shape, in.w, in.dy),
            run_conv_grad_weight(*s.cuda, shape, SliceKind::input_channels, every, in.x, in.dy)};
      };
      const auto first = run_all();
      const auto second = run_all();
      for (size_t i = 0; i < first.size(); ++i) CHECK(bit_identical(first[i], second[i]));
      CHECK(counters.forward == shape.multiply_adds());
      CHECK(counters.grad_input == shape.multiply_adds());
      CHECK(counters.grad_weight == shape.multiply_adds());
    }
  });
}

/// One layer's three passes on memory of its own.
struct Layer {
  const CudaBackend& cuda;
  ConvShape shape;
  ConvInputs in = random_conv_inputs(shape, false);
  DeviceChannels channels{cuda, channel_lists(shape.in_c).back()};
  std::unique_ptr<kernels::ConvForward> forward = cuda.conv_forward(shape, Activation::relu6);
  std::unique_ptr<kernels::ConvGradInput> grad_input = cuda.conv_grad_input(shape);
  std::unique_ptr<kernels::ConvGradWeight> grad_weight =
      cuda.conv_grad_weight(shape, SliceKind::input_channels, shape.in_c);
  DeviceBytes scratch{cuda, std::max({forward->scratch_bytes(), grad_input->scratch_bytes(),
                                      grad_weight->scratch_bytes()})};
  Buffer x{cuda, in.x}, w{cuda, in.w}, bias{cuda, in.bias}, dy{cuda, in.dy};
  Buffer y{cuda, shape.out_elements()}, dw{cuda, shape.weight_elements()};
  Buffer dx{cuda, random_values(shape.in_elements(), 6)};

  void enqueue() const {
    forward->run({.x = x.data(),
                  .w = w.data(),
                  .bias = bias.data(),
                  .y = y.data(),
                  .scratch = scratch.data()});
    grad_input->run({.dy = dy.data(), .w = w.data(), .dx = dx.data(), .scratch = scratch.data()},
                    kernels::GradientMode::accumulate);
    grad_weight->run({.x = x.data(),
                      .dy = dy.data(),
                      .channels = channels.list(),
                      .dw = dw.data(),
                      .scratch = scratch.data()});
  }
};

TEST_CASE("vendor passes: recorded and replayed as run", "[vendor]") {
  with_libraries([](const Setting& s) {
    for (const ConvCase& test : cases()) {
      INFO(s.name() << ", " << test.name);
      const Layer eager{*s.cuda, test.shape}, replayed{*s.cuda, test.shape};
      eager.enqueue();  // each kernel once before it is recorded
      const auto recording = s.cuda->record([&] { replayed.enqueue(); });
      REQUIRE(recording);
      recording->replay();
      CHECK(bit_identical(replayed.y.values(), eager.y.values()));
      CHECK(bit_identical(replayed.dx.values(), eager.dx.values()));
      CHECK(bit_identical(replayed.dw.values(), eager.dw.values()));
    }
  });
}

}  // namespace
}  // namespace trady::testing
