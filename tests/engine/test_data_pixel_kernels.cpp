// The vectorised loops against plain ones, for every instruction set that this machine has.
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "engine/data/pixel_kernels.h"
#include "kernels/cpu/isa.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

Bytes noise(size_t count, uint32_t seed) {
  Bytes bytes = noise_image(1, static_cast<int>(count / 3 + 1), seed).pixels;
  bytes.resize(count);
  return bytes;
}

int grey(int red, int green, int blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

uint8_t blend(int base, float factor, int value) {
  // volatile: rounds the product, whatever the compiler would like to fuse.
  volatile const float product = factor * static_cast<float>(value - base);
  const float blended = static_cast<float>(base) + product;
  return static_cast<uint8_t>(blended <= 0 ? 0 : blended >= 255 ? 255 : blended);
}

}  // namespace

TEST_CASE("Pixel kernels equal plain loops on every instruction set", "[data]") {
  const PixelKernels* kernels = GENERATE(&baseline_pixel_kernels(), avx2_pixel_kernels());
  if (!kernels) {
    std::cout << "SKIP: this machine has no AVX2\n";
    return;
  }
  CAPTURE(kernels->isa);

  SECTION("transpose") {
    const Bytes in = noise(16 * 21, 1);
    Bytes out(16 * 19);
    kernels->transpose_16x16(in.data(), 21, out.data(), 19);
    for (int r = 0; r < 16; ++r) {
      for (int c = 0; c < 16; ++c) REQUIRE(out[c * 19 + r] == in[r * 21 + c]);
    }
  }
  SECTION("weighted sum, up to all white") {
    for (const int count : {1, 2, 3, 7}) {
      Bytes in = noise(static_cast<size_t>(count) * 51, 2);
      for (int t = 0; t < count; ++t) in[t * 51] = 255;
      std::vector<int32_t> weights;
      for (int t = 0; t < count; ++t) weights.push_back(((1 << 22) + count - 1) / count);
      Bytes out(48);
      kernels->weighted_sum(in.data(), 51, weights.data(), count, 48, out.data());
      for (int i = 0; i < 48; ++i) {
        int64_t sum = 1 << 21;
        for (int t = 0; t < count; ++t) sum += int64_t{in[t * 51 + i]} * weights[t];
        REQUIRE(int64_t{out[i]} == sum >> 22);
      }
      CHECK(out[0] == 255);
    }
  }
  SECTION("interleave and grey, any width") {
    const Bytes row = noise(3 * 48, 3);
    for (const int width : {1, 15, 16, 33, 48}) {
      Bytes out(3 * static_cast<size_t>(width) + 1, 99);
      kernels->interleave(row.data(), 48, width, out.data());
      int64_t sum = 0;
      for (int x = 0; x < width; ++x) {
        for (int c = 0; c < 3; ++c) REQUIRE(out[3 * x + c] == row[48 * c + x]);
        sum += grey(row[x], row[48 + x], row[96 + x]);
      }
      CHECK(out.back() == 99);
      CHECK(kernels->sum_grey(row.data(), 48, width) == sum);
    }
  }
  SECTION("blends, all bytes and many factors") {
    Bytes all(256);
    for (int i = 0; i < 256; ++i) all[i] = static_cast<uint8_t>(i);
    for (int step = 0; step <= 80; ++step) {
      const float factor = 0.6f + 0.01f * static_cast<float>(step);
      for (const int base : {0, 1, 100, 127, 255}) {
        Bytes values = all;
        kernels->blend_with_constant(static_cast<float>(base), factor, 256, values.data());
        for (int i = 0; i < 256; ++i) REQUIRE(values[i] == blend(base, factor, i));
      }
      const Bytes before = noise(3 * 32, static_cast<uint32_t>(step));
      Bytes row = before;
      kernels->blend_with_grey(factor, 32, 32, row.data());
      for (int x = 0; x < 32; ++x) {
        const int base = grey(before[x], before[32 + x], before[64 + x]);
        for (int c = 0; c < 3; ++c) {
          REQUIRE(row[32 * c + x] == blend(base, factor, before[32 * c + x]));
        }
      }
    }
  }
}

TEST_CASE("TRADY_ISA lowers the choice of pixel kernels too", "[data]") {
  using kernels::cpu::Isa;
  const std::string expected = kernels::cpu::active_isa() >= Isa::avx2 ? "avx2" : "baseline";
  CHECK(pixel_kernels().isa == expected);
  if (std::getenv("TRADY_ISA") != nullptr) return;  // this is the inner run
  std::array<char, 4096> path{};
  REQUIRE(readlink("/proc/self/exe", path.data(), path.size() - 1) > 0);
  const std::string command =
      concat("TRADY_ISA=sse2 '", path.data(), "' 'TRADY_ISA lowers the choice*' > /dev/null");
  INFO(command);
  CHECK(std::system(command.c_str()) == 0);
}

}  // namespace trady::test
