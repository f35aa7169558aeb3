// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011). The same key and counter
// give the same number in any order and on any thread; integers and uniform numbers on every
// platform too, normal ones with the same mathematics library.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace trady {

/// What a stream of numbers is for: streams of different purposes never meet.
enum class RandomPurpose : uint32_t {
  selection = 1,
  sample_order = 2,
  augmentation = 3,
  initialization = 4,
  validation_split = 5,
  held_out = 6,
};

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// Numbers of one (seed, purpose, epoch, item), drawn one after another.
class RandomStream {
 public:
  RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t epoch = 0, uint32_t item = 0);

  uint32_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, bound), without modulo bias; bound > 0.
  uint32_t below(uint32_t bound);
  /// Standard normal (Box-Muller); the library's log and cos decide its last bits.
  double normal();

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

/// Fisher-Yates, in place.
template <typename T>
void shuffle(std::span<T> items, RandomStream& random) {
  for (size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[random.below(static_cast<uint32_t>(i))]);
  }
}

}  // namespace trady
