// Intrinsics that are arithmetic. The functions of <math.h>, which puts isnan() and the like into
// the global namespace, serve under their own names.
#pragma once

#include <math.h>  // NOLINT(modernize-deprecated-headers): for its global names

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

constexpr int min(int a, int b) {
  return std::min(a, b);
}
constexpr unsigned min(unsigned a, unsigned b) {
  return std::min(a, b);
}
constexpr long min(long a, long b) {
  return std::min(a, b);
}
constexpr unsigned long min(unsigned long a, unsigned long b) {
  return std::min(a, b);
}
constexpr long long min(long long a, long long b) {
  return std::min(a, b);
}
inline float min(float a, float b) {
  return std::fmin(a, b);
}
inline double min(double a, double b) {
  return std::fmin(a, b);
}
constexpr int max(int a, int b) {
  return std::max(a, b);
}
constexpr unsigned max(unsigned a, unsigned b) {
  return std::max(a, b);
}
constexpr long max(long a, long b) {
  return std::max(a, b);
}
constexpr unsigned long max(unsigned long a, unsigned long b) {
  return std::max(a, b);
}
constexpr long long max(long long a, long long b) {
  return std::max(a, b);
}
inline float max(float a, float b) {
  return std::fmax(a, b);
}
inline double max(double a, double b) {
  return std::fmax(a, b);
}

inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
// NOLINTBEGIN(bugprone-reserved-identifier): the names are CUDA's.
inline float __saturatef(float x) {
  return std::fmin(std::fmax(x, 0.0f), 1.0f);
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fsqrt_rn(float a) {
  return std::sqrt(a);
}

constexpr int __popc(unsigned x) {
  return std::popcount(x);
}
constexpr int __popcll(unsigned long long x) {
  return std::popcount(x);
}
constexpr int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
constexpr int __clzll(long long x) {
  return std::countl_zero(static_cast<unsigned long long>(x));
}
/// Place of the lowest set bit, counted from 1; 0 when there is none.
constexpr int __ffs(int x) {
  return x == 0 ? 0 : 1 + std::countr_zero(static_cast<unsigned>(x));
}
constexpr int __ffsll(long long x) {
  return x == 0 ? 0 : 1 + std::countr_zero(static_cast<unsigned long long>(x));
}
constexpr unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((uint64_t{a} * b) >> 32);
}

constexpr unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
constexpr int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
constexpr float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
constexpr float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline int __float2int_rn(float x) {
  return static_cast<int>(std::nearbyint(x));
}
inline int __float2int_rz(float x) {
  return static_cast<int>(x);
}
inline int __float2int_rd(float x) {
  return static_cast<int>(std::floor(x));
}
inline float __int2float_rn(int x) {
  return static_cast<float>(x);
}
inline float __uint2float_rn(unsigned x) {
  return static_cast<float>(x);
}

template <typename T>
T __ldg(const T* address) {
  return *address;
}
// NOLINTEND(bugprone-reserved-identifier)
