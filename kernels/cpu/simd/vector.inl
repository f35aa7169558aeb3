// Vectors of 1, 4, 8 or 16 floats as GCC's vector extension offers them: `+ * < ?:` act on lanes.
// Ragged channel counts are cut into ever narrower vectors, each lane doing the same operations
// whatever the width. Where a reduction runs in several accumulators (gemm.inl), their number
// depends on the tile, so that a cut may show in the last bits; the same shape is always cut alike.

constexpr int kVectorFloats = TRADY_VECTOR_FLOATS;
/// Registers that a tile of accumulators may take; the rest holds operands.
constexpr int kAccumulators = kVectorFloats == 16 ? 24 : 12;

template <int kWidth>
struct VectorOf;
template <>
struct VectorOf<1> {
  using Type = float;
};
template <>
struct VectorOf<4> {
  typedef float Type __attribute__((vector_size(16)));
};
template <>
struct VectorOf<8> {
  typedef float Type __attribute__((vector_size(32)));
};
template <>
struct VectorOf<16> {
  typedef float Type __attribute__((vector_size(64)));
};
template <int kWidth>
using Vector = typename VectorOf<kWidth>::Type;

template <int kWidth>
inline Vector<kWidth> load(const float* p) {
  Vector<kWidth> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <int kWidth>
inline void store(float* p, Vector<kWidth> v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// As many doubles.
template <int kWidth>
struct DoublesOf {
  typedef double Type __attribute__((vector_size(8 * kWidth)));
};
template <>
struct DoublesOf<1> {
  using Type = double;
};
template <int kWidth>
using Doubles = typename DoublesOf<kWidth>::Type;

template <int kWidth>
inline Doubles<kWidth> doubles_of(Vector<kWidth> v) {
  if constexpr (kWidth == 1) {
    return static_cast<double>(v);
  } else {
    return __builtin_convertvector(v, Doubles<kWidth>);
  }
}

template <int kWidth>
inline void add_to(double* sums, Doubles<kWidth> v) {
  Doubles<kWidth> sum;
  __builtin_memcpy(&sum, sums, sizeof sum);
  sum += v;
  __builtin_memcpy(sums, &sum, sizeof sum);
}

/// Written as a subtraction because x - 0 is x for every x (0 + x is not, for -0) and folds away.
template <int kWidth>
inline Vector<kWidth> broadcast(float x) {
  return x - Vector<kWidth>{};
}

/// What an activation clips to. No activation clips to nothing, which spares a branch a vector.
struct Clip {
  float low, high;
};

inline Clip clip_of(Activation activation) {
  constexpr float kInfinity = __builtin_inff();
  return {activation == Activation::none ? -kInfinity : 0.0f,
          activation == Activation::relu6 ? 6.0f : kInfinity};
}

/// In this form a NaN stays a NaN, so that a diverging network shows in the loss; and each line is
/// one instruction.
template <int kWidth>
inline Vector<kWidth> clipped(Vector<kWidth> v, Vector<kWidth> low, Vector<kWidth> high) {
  v = v < low ? low : v;
  return high < v ? high : v;
}

typedef int32_t Lanes8 __attribute__((vector_size(32)));

/// Bit i = lane i of a comparison's result, all ones or all zeros.
inline uint8_t bits_of(Lanes8 lanes) {
#if defined(__AVX__)
  return static_cast<uint8_t>(__builtin_ia32_movmskps256(reinterpret_cast<Vector<8>>(lanes)));
#else
  Vector<4> half[2];
  __builtin_memcpy(half, &lanes, sizeof half);
  return static_cast<uint8_t>(__builtin_ia32_movmskps(half[0]) | __builtin_ia32_movmskps(half[1])
                                                                     << 4);
#endif
}

/// Calls body.template operator()<kWidth>(first) for the vectors that cover [first, count).
template <int kWidth, typename Body>
inline void for_vectors(int64_t first, int64_t count, Body body) {
  for (; first + kWidth <= count; first += kWidth) body.template operator()<kWidth>(first);
  if constexpr (kWidth > 4) {
    for_vectors<kWidth / 2>(first, count, body);
  } else if constexpr (kWidth == 4) {
    for_vectors<1>(first, count, body);
  }
}
