// Philox against its published vectors, and what the project relies on in a stream.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "engine/random.h"

namespace trady {
namespace {

std::vector<uint32_t> first_numbers(RandomStream random, int count) {
  std::vector<uint32_t> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(random.next());
  return numbers;
}

TEST_CASE("philox4x32-10: known answers of the Random123 distribution", "[random]") {
  using Block = std::array<uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random stream: the same key gives the same numbers, any other key others", "[random]") {
  const RandomPurpose purpose = RandomPurpose::selection;
  const auto base = first_numbers(RandomStream(1, purpose, 2, 3), 9);
  CHECK(first_numbers(RandomStream(1, purpose, 2, 3), 9) == base);
  const RandomStream others[] = {RandomStream(2, purpose, 2, 3),
                                 RandomStream(1ull + (1ull << 32), purpose, 2, 3),
                                 RandomStream(1, RandomPurpose::sample_order, 2, 3),
                                 RandomStream(1, purpose, 3, 3), RandomStream(1, purpose, 2, 4)};
  for (const RandomStream& other : others) CHECK(first_numbers(other, 9) != base);
}

TEST_CASE("random stream: starts with the blocks of its counter", "[random]") {
  const auto numbers = first_numbers(RandomStream(0x200000001, RandomPurpose::selection, 5, 7), 8);
  const auto first = philox4x32({0, 7, 5, 1}, {1, 2});
  const auto second = philox4x32({1, 7, 5, 1}, {1, 2});
  CHECK(std::equal(first.begin(), first.end(), numbers.begin()));
  CHECK(std::equal(second.begin(), second.end(), numbers.begin() + 4));
}

TEST_CASE("random stream: uniform lies between 0 and 1 with the right moments", "[random]") {
  RandomStream random(0, RandomPurpose::initialization);
  constexpr int kCount = 40000;
  double sum = 0, squares = 0, lowest = 1, highest = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = random.uniform();
    sum += u;
    squares += u * u;
    lowest = std::min(lowest, u);
    highest = std::max(highest, u);
  }
  CHECK(lowest >= 0);
  CHECK(lowest < 1e-3);
  CHECK(highest < 1);
  CHECK(highest > 1 - 1e-3);
  CHECK(sum / kCount == Approx(0.5).margin(0.006));  // 4 standard errors
  CHECK(squares / kCount == Approx(1. / 3).margin(0.006));
  const double scaled = random.uniform(-3, -2);
  CHECK(scaled >= -3);
  CHECK(scaled < -2);
}

TEST_CASE("random stream: below() stays below and favours nothing", "[random]") {
  RandomStream random(1, RandomPurpose::initialization);
  for (int i = 0; i < 100; ++i) CHECK(random.below(1) == 0);
  for (const uint32_t bound : {3u, 7u, 10u}) {
    constexpr int kCount = 30000;
    std::vector<double> hits(bound);
    for (int i = 0; i < kCount; ++i) hits.at(random.below(bound)) += 1;
    const double expected = static_cast<double>(kCount) / bound;
    double chi_square = 0;
    for (const double h : hits) chi_square += (h - expected) * (h - expected) / expected;
    CHECK(chi_square < 30);  // 9 degrees of freedom: 1 in 2,000
  }
  // Half of the numbers would be rejected by a naive bound this large; all must stay below.
  const uint32_t large = 0x80000001u;
  for (int i = 0; i < 1000; ++i) CHECK(random.below(large) < large);
}

TEST_CASE("random stream: normal has mean 0 and variance 1", "[random]") {
  RandomStream random(2, RandomPurpose::initialization);
  constexpr int kCount = 40000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double v = random.normal();
    sum += v;
    squares += v * v;
  }
  CHECK(sum / kCount == Approx(0).margin(0.02));
  CHECK(squares / kCount == Approx(1).margin(0.03));
}

TEST_CASE("shuffle: a permutation, all of them equally often", "[random]") {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  auto shuffled = items;
  RandomStream random(3, RandomPurpose::sample_order);
  shuffle(std::span(shuffled), random);
  CHECK(shuffled != items);
  std::sort(shuffled.begin(), shuffled.end());
  CHECK(shuffled == items);

  std::vector<int> none, one = {7};
  shuffle(std::span(none), random);
  shuffle(std::span(one), random);
  CHECK(one == std::vector<int>{7});

  std::map<std::string, int> seen;
  for (int i = 0; i < 6000; ++i) {
    std::string letters = "abc";
    shuffle(std::span(letters), random);
    ++seen[letters];
  }
  CHECK(seen.size() == 6);
  for (const auto& [letters, count] : seen) {
    INFO(letters);
    CHECK(count == Approx(1000).margin(120));  // 4 standard deviations
  }
}

}  // namespace
}  // namespace trady
