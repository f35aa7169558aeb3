// Packing, masks, bias gradients, pooling, normalisation and the element-wise rest.
// How to add an op or a device: device_under_test.h.
#include <catch2/catch.hpp>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

/// Around the widths of vector registers and their tails.
constexpr int64_t kSizes[] = {0, 1, 7, 8, 9, 31, 64, 1003};

TEST_CASE("pack_channels: the listed columns, in order", "[elementwise]") {
  for (const auto& device : all_devices()) {
    for (const int64_t channel_count : {1, 5, 16, 33}) {
      for (const int64_t positions : {1, 13}) {
        const auto x_values = random_values(positions * channel_count, 1);
        const Buffer x(*device, x_values);
        for (const auto& list : channel_lists(channel_count)) {
          INFO(describe(*device) << ", " << list.size() << " of " << channel_count);
          const DeviceChannels channels(*device, list);
          const Buffer out(*device, positions * count_of(list));
          device->pack_channels(x.data(), positions, channel_count, channels.list(), out.data());
          std::vector<double> expected;
          for (int64_t p = 0; p < positions; ++p) {
            for (const int32_t c : list) {
              expected.push_back(x_values[static_cast<size_t>(p * channel_count + c)]);
            }
          }
          CHECK(bit_identical(out.values(), expected));
        }
      }
    }
  }
}

TEST_CASE("apply_mask: zero where the bit is clear, bit i % 8 of byte i / 8", "[elementwise]") {
  for (const auto& device : all_devices()) {
    for (const int64_t elements : kSizes) {
      INFO(describe(*device) << ", " << elements << " elements");
      RandomStream random(7, RandomPurpose::initialization);
      std::vector<uint8_t> mask(static_cast<size_t>(kernels::mask_bytes(elements)));
      for (uint8_t& byte : mask) byte = static_cast<uint8_t>(random.next());
      auto expected = random_values(elements, 1);
      // A gradient that is not finite has to be cut off as well: it must not become 0 * NaN.
      for (size_t i = 0; i < expected.size(); i += 5) {
        if (((mask[i / 8] >> (i % 8)) & 1) == 0) {
          expected[i] = std::numeric_limits<double>::quiet_NaN();
        }
      }
      const Buffer dy(*device, expected);
      const DeviceArray<uint8_t> bits(*device, mask);
      device->apply_mask(dy.data(), bits.data(), elements);
      for (size_t i = 0; i < expected.size(); ++i) {
        if (((mask[i / 8] >> (i % 8)) & 1) == 0) expected[i] = 0;
      }
      CHECK(dy.values() == expected);
    }
  }
}

TEST_CASE("grad_bias: sums over positions", "[elementwise]") {
  for (const auto& device : all_devices()) {
    for (const int64_t channel_count : {1, 10, 33}) {
      for (const int64_t positions : {1, 2, 999}) {
        INFO(describe(*device) << ", " << positions << " x " << channel_count);
        const auto values = random_values(positions * channel_count, 1);
        const Buffer dy(*device, values), db(*device, channel_count);
        device->grad_bias(dy.data(), positions, channel_count, db.data());
        std::vector<double> expected(static_cast<size_t>(channel_count));
        for (size_t i = 0; i < values.size(); ++i) expected[i % expected.size()] += values[i];
        CHECK(nmse(db.values(), expected) <= kFloat32Nmse);
      }
    }
  }
}

TEST_CASE("mean_pool: forward and backward", "[elementwise]") {
  for (const auto& device : all_devices()) {
    for (const int64_t channel_count : {1, 10, 33}) {
      for (const int64_t positions : {1, 16, 49}) {
        INFO(describe(*device) << ", " << positions << " x " << channel_count);
        constexpr int64_t kBatch = 3;
        const auto values = random_values(kBatch * positions * channel_count, 1);
        const Buffer x(*device, values), y(*device, kBatch * channel_count);
        device->mean_pool_forward(x.data(), kBatch, positions, channel_count, y.data());
        std::vector<double> means(static_cast<size_t>(kBatch * channel_count));
        const auto mean_of = [&](size_t i) -> double& {  // element i of x belongs to it
          const auto channels = static_cast<size_t>(channel_count);
          return means[i / (static_cast<size_t>(positions) * channels) * channels + i % channels];
        };
        for (size_t i = 0; i < values.size(); ++i) {
          mean_of(i) += values[i] / static_cast<double>(positions);
        }
        CHECK(nmse(y.values(), means) <= kFloat32Nmse);

        const auto dy_values = random_values(kBatch * channel_count, 2);
        const Buffer dy(*device, dy_values), dx(*device, x.elements());
        device->mean_pool_backward(dy.data(), kBatch, positions, channel_count, dx.data());
        std::vector<double> expected;
        means = dy_values;
        for (size_t i = 0; i < values.size(); ++i) {
          expected.push_back(mean_of(i) / static_cast<double>(positions));
        }
        CHECK(nmse(dx.values(), expected) <= kFloat32Nmse);
      }
    }
  }
}

TEST_CASE("normalize: bytes to (p / 255 - mean) / std", "[elementwise]") {
  const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
  std::vector<uint8_t> pixels;
  std::vector<double> expected;
  for (int i = 0; i < 3 * 259; ++i) {
    pixels.push_back(static_cast<uint8_t>(i * 37 % 256));
    expected.push_back((pixels.back() / 255.0 - mean[i % 3]) / std[i % 3]);
  }
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const Buffer x(*device, static_cast<int64_t>(pixels.size()));
    const DeviceArray<uint8_t> bytes(*device, pixels);
    device->normalize(bytes.data(), x.elements() / 3, mean, std, x.data());
    CHECK(nmse(x.values(), expected) <= 1e-12);
  }
}

TEST_CASE("add, copy, zero", "[elementwise]") {
  for (const auto& device : all_devices()) {
    for (const int64_t elements : kSizes) {
      INFO(describe(*device) << ", " << elements << " elements");
      const auto a = random_values(elements, 1), b = random_values(elements, 2);
      const Buffer x(*device, a), out(*device, b), copied(*device, elements);
      std::vector<double> sum = a;
      for (size_t i = 0; i < a.size(); ++i) sum[i] += b[i];
      device->add(x.data(), elements, out.data());
      CHECK(nmse(out.values(), sum) <= 1e-13);
      device->copy(x.data(), elements, copied.data());
      CHECK(bit_identical(copied.values(), a));
      device->zero(x.data(), elements);
      CHECK(bit_identical(x.values(), std::vector<double>(a.size(), 0.0)));
    }
  }
}

}  // namespace
}  // namespace trady::testing
