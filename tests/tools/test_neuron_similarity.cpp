// Outputs before and after, against convolutions written out.
#include "tools/neuron_similarity.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/engine/tiny_networks.h"
#include "tests/tools/in_memory_images.h"

namespace trady::tools {
namespace {

constexpr int kSize = 9;

/// [H, W, C] of one image.
struct Map {
  int64_t size = 0, channels = 0;
  std::vector<double> values;
  double at(int64_t y, int64_t x, int64_t c) const {
    if (y < 0 || x < 0 || y >= size || x >= size) return 0;
    return values[static_cast<size_t>((y * size + x) * channels + c)];
  }
};

/// Without a bias, from a weight [C'][C][k][k] as files have it.
Map convolved(const Map& x, const ConvLayer& conv, const Parameters& parameters) {
  const kernels::ConvShape& s = conv.shape;
  const std::vector<double> w = parameters.get(parameters.find(conv.name + ".weight"));
  Map y{s.out_h(), s.out_c, {}};
  for (int64_t row = 0; row < y.size; ++row) {
    for (int64_t column = 0; column < y.size; ++column) {
      for (int64_t o = 0; o < s.out_c; ++o) {
        double sum = 0;
        for (int64_t i = 0; i < (s.depthwise ? 1 : s.in_c); ++i) {
          for (int64_t ky = 0; ky < s.kernel; ++ky) {
            for (int64_t kx = 0; kx < s.kernel; ++kx) {
              const int64_t of_o = s.depthwise ? 1 : s.in_c;
              sum += w[static_cast<size_t>(((o * of_o + i) * s.kernel + ky) * s.kernel + kx)] *
                     x.at(row * s.stride + ky - s.padding, column * s.stride + kx - s.padding,
                          s.depthwise ? o : i);
            }
          }
        }
        y.values.push_back(sum);
      }
    }
  }
  return y;
}

Map finished(Map y, const ConvLayer& conv, const Parameters& parameters, double upper,
             const Map* residual = nullptr) {
  const std::vector<double> bias = parameters.get(parameters.find(conv.name + ".bias"));
  for (size_t i = 0; i < y.values.size(); ++i) {
    y.values[i] += bias[i % bias.size()];
    if (residual) y.values[i] += residual->values[i];
    if (upper > 0) y.values[i] = std::min(std::max(y.values[i], 0.0), upper);
  }
  return y;
}

/// The outputs of the neurons of testing::tiny_network(), by conv.
std::vector<Map> outputs_of(const Tape& tape, const Parameters& parameters, const Image& image) {
  Map x{kSize, 3, {}};
  for (const uint8_t pixel : image.pixels) x.values.push_back((pixel / 255.0 - 0.5) / 0.5);
  const auto& convs = tape.convs();
  const double none = 0, relu6 = 6, relu = 1e300;
  std::vector<Map> outputs;
  Map kept;
  for (size_t i = 0; i < convs.size(); ++i) {
    outputs.push_back(convolved(x, convs[i], parameters));
    const double upper = i == 3 || i == 6 ? none : i == 4 ? relu : relu6;
    x = finished(outputs.back(), convs[i], parameters, upper, i == 3 ? &kept : nullptr);
    if (i == 0) kept = x;
  }
  return outputs;
}

double cosine(const Map& a, const Map& b, int64_t channel) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t y = 0; y < a.size; ++y) {
    for (int64_t x = 0; x < a.size; ++x) {
      ab += a.at(y, x, channel) * b.at(y, x, channel);
      aa += a.at(y, x, channel) * a.at(y, x, channel);
      bb += b.at(y, x, channel) * b.at(y, x, channel);
    }
  }
  if (aa == 0 || bb == 0) return aa == bb ? 1 : 0;
  return ab / std::sqrt(aa) / std::sqrt(bb);
}

struct Network {
  explicit Network(kernels::DType dtype = kernels::DType::float64)
      : device(kernels::make_reference_backend(dtype)), parameters(tape.parameters(), *device) {
    testing::fill_random(parameters, 1);
  }
  std::vector<std::vector<double>> measure(NeuronSimilarity& similarity, int64_t images = 1) {
    return similarity.measure(*testing::loader_of(images, kSize, LoaderOptions::testing(), 1));
  }
  void change(const std::string& name, const std::function<void(std::vector<double>&)>& change) {
    std::vector<double> values = parameters.get(parameters.find(name));
    change(values);
    parameters.set(parameters.find(name), values);
  }

  const Tape tape = testing::tiny_network();
  const std::unique_ptr<kernels::Backend> device;
  Parameters parameters;
};

}  // namespace

TEST_CASE("Similarity is the cosine of outputs, averaged over images") {
  constexpr int64_t kImages = 3;
  Network network;
  Parameters before(network.tape.parameters(), *network.device);
  testing::fill_random(before, 1);
  NeuronSimilarity similarity(network.tape, network.parameters);
  testing::fill_random(network.parameters, 2);
  const auto measured = network.measure(similarity, kImages);

  const testing::NoiseImages images(kImages, kSize);
  std::vector<std::vector<double>> expected(network.tape.convs().size());
  for (int64_t image = 0; image < kImages; ++image) {
    const auto old = outputs_of(network.tape, before, images.load(image));
    const auto now = outputs_of(network.tape, network.parameters, images.load(image));
    for (size_t conv = 0; conv < expected.size(); ++conv) {
      expected[conv].resize(static_cast<size_t>(now[conv].channels));
      for (size_t o = 0; o < expected[conv].size(); ++o) {
        expected[conv][o] += cosine(old[conv], now[conv], static_cast<int64_t>(o)) / kImages;
      }
    }
  }
  for (size_t conv = 0; conv < expected.size(); ++conv) {
    INFO("conv " << conv);
    CHECK(testing::relative_error(measured[conv], expected[conv]) < 1e-6);  // pixels are float32
  }
}

TEST_CASE("Similarity is exactly 1 where nothing changed, and follows what did") {
  Network network(kernels::DType::float32);
  NeuronSimilarity similarity(network.tape, network.parameters);
  for (const auto& of_conv : network.measure(similarity)) {
    for (const double cosine : of_conv) CHECK(cosine == 1);
  }
  // Conv 4 is 4 -> 7, 1x1: neuron 1 turns over, neuron 2 doubles, neuron 3 falls silent.
  network.change("b.expand.weight", [](std::vector<double>& w) {
    for (size_t i = 0; i < 4; ++i) {
      w[1 * 4 + i] *= -1;
      w[2 * 4 + i] *= 2;
      w[3 * 4 + i] = 0;
    }
  });
  network.change("b.expand.bias", [](std::vector<double>& b) { b[5] += 10; });
  const auto measured = network.measure(similarity);
  for (size_t conv = 0; conv < 4; ++conv) {
    for (const double cosine : measured[conv]) CHECK(cosine == 1);
  }
  CHECK(measured[4][0] == 1);
  CHECK(measured[4][1] == -1);
  CHECK(measured[4][2] == Approx(1));
  CHECK(measured[4][3] == 0);
  CHECK(measured[4][5] == 1);  // a bias is no part of the neuron's output
  CHECK(measured[5][0] == 1);
  CHECK(measured[5][5] != 1);  // but of the next one's input

  similarity.remember();
  for (const auto& of_conv : network.measure(similarity)) {
    for (const double cosine : of_conv) CHECK(cosine == 1);  // both silent: nothing changed
  }
}

TEST_CASE("Comparing outputs takes a copy of the weights and two images' activations") {
  Network network;
  NeuronSimilarity similarity(network.tape, network.parameters);
  const int64_t reserved = similarity.reserved_bytes();
  CHECK(reserved > network.parameters.reserved_bytes());
  network.measure(similarity, 9);
  CHECK(similarity.reserved_bytes() == reserved);  // however many images
}

}  // namespace trady::tools
