// Shuffles and votes. The mask must name the caller; every lane that it names must exist, must not
// have exited and must make the same call with the same mask; a lane may read only from named
// lanes. They order no memory accesses: that takes __syncwarp.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <source_location>
#include <type_traits>

namespace cuda_on_host {

enum class Shuffle { indexed, up, down, exclusive_or };
enum class Vote { ballot, any, all };

uint64_t shuffle(Shuffle kind, unsigned mask, uint64_t bits, int operand, int width,
                 std::source_location where);
unsigned vote(Vote kind, unsigned mask, bool predicate, std::source_location where);

/// The types that CUDA shuffles.
template <typename T>
concept Shuffled = std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, float> ||
    std::same_as<T, double> || std::same_as<T, long> || std::same_as<T, unsigned long> ||
    std::same_as<T, long long> || std::same_as<T, unsigned long long>;

template <Shuffled T>
T shuffle_value(Shuffle kind, unsigned mask, T value, int operand, int width,
                std::source_location where) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const uint64_t moved = shuffle(kind, mask, std::bit_cast<Bits>(value), operand, width, where);
  return std::bit_cast<T>(static_cast<Bits>(moved));
}

}  // namespace cuda_on_host

// NOLINTBEGIN(bugprone-reserved-identifier): the names are CUDA's.
template <cuda_on_host::Shuffled T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32,
              std::source_location where = std::source_location::current()) {
  using cuda_on_host::Shuffle;
  return cuda_on_host::shuffle_value(Shuffle::indexed, mask, value, lane, width, where);
}

template <cuda_on_host::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 std::source_location where = std::source_location::current()) {
  using cuda_on_host::Shuffle;
  return cuda_on_host::shuffle_value(Shuffle::up, mask, value, static_cast<int>(delta), width,
                                     where);
}

template <cuda_on_host::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   std::source_location where = std::source_location::current()) {
  using cuda_on_host::Shuffle;
  return cuda_on_host::shuffle_value(Shuffle::down, mask, value, static_cast<int>(delta), width,
                                     where);
}

template <cuda_on_host::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  std::source_location where = std::source_location::current()) {
  using cuda_on_host::Shuffle;
  return cuda_on_host::shuffle_value(Shuffle::exclusive_or, mask, value, lane_mask, width, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location where = std::source_location::current()) {
  return cuda_on_host::vote(cuda_on_host::Vote::ballot, mask, predicate != 0, where);
}

inline int __any_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return cuda_on_host::vote(cuda_on_host::Vote::any, mask, predicate != 0, where) != 0;
}

inline int __all_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return cuda_on_host::vote(cuda_on_host::Vote::all, mask, predicate != 0, where) != 0;
}
// NOLINTEND(bugprone-reserved-identifier)
