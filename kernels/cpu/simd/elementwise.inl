// Masks, sums and other passes over flat arrays.

inline bool passes_gradient(float y, Activation activation) {
  return activation == Activation::none || (y > 0 && (activation == Activation::relu || y < 6));
}

template <bool kUpper>
void write_mask_bytes(const float* y, int64_t bytes, uint8_t* mask) {
  for (int64_t byte = 0; byte < bytes; ++byte) {
    const Vector<8> v = load<8>(y + 8 * byte);
    Lanes8 passes = v > Vector<8>{};
    if constexpr (kUpper) passes &= v < broadcast<8>(6.0f);
    mask[byte] = bits_of(passes);
  }
}

void write_mask(const float* y, int64_t elements, Activation activation, uint8_t* mask) {
  const int64_t bytes = elements / 8;
  if (activation == Activation::none) {
    for (int64_t byte = 0; byte < bytes; ++byte) mask[byte] = 0xff;
  } else if (activation == Activation::relu) {
    write_mask_bytes<false>(y, bytes, mask);
  } else {
    write_mask_bytes<true>(y, bytes, mask);
  }
  if (elements % 8 != 0) {
    unsigned bits = 0;
    for (int64_t i = 8 * bytes; i < elements; ++i) {
      if (passes_gradient(y[i], activation)) bits |= 1u << (i % 8);
    }
    mask[bytes] = static_cast<uint8_t>(bits);
  }
}

void clip(float* y, int64_t elements, Activation activation) {
  if (activation == Activation::none) return;
  const Clip to = clip_of(activation);
  for_vectors<kVectorFloats>(0, elements, [&]<int kWidth>(int64_t i) {
    store<kWidth>(y + i, clipped<kWidth>(load<kWidth>(y + i), broadcast<kWidth>(to.low),
                                         broadcast<kWidth>(to.high)));
  });
}

void apply_mask(float* dy, const uint8_t* mask, int64_t elements) {
  const int64_t bytes = elements / 8;
  const Lanes8 weights = {1, 2, 4, 8, 16, 32, 64, 128};
  for (int64_t byte = 0; byte < bytes; ++byte) {
    const Lanes8 bits = (mask[byte] - Lanes8{}) & weights;
    const Vector<8> v = load<8>(dy + 8 * byte);
    store<8>(dy + 8 * byte, bits != 0 ? v : Vector<8>{});
  }
  for (int64_t i = 8 * bytes; i < elements; ++i) {
    if ((mask[i / 8] >> (i % 8) & 1) == 0) dy[i] = 0;
  }
}

void add(const float* x, int64_t elements, float* out) {
  for_vectors<kVectorFloats>(0, elements, [&]<int kWidth>(int64_t i) {
    store<kWidth>(out + i, load<kWidth>(out + i) + load<kWidth>(x + i));
  });
}

void column_sums(const float* x, int64_t rows, int64_t columns, float* sums) {
  for_vectors<kVectorFloats>(0, columns, [&]<int kWidth>(int64_t c) {
    // Four sums in flight; their order is fixed.
    Vector<kWidth> acc[4] = {};
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) acc[u] += load<kWidth>(x + (r + u) * columns + c);
    }
    for (; r < rows; ++r) acc[0] += load<kWidth>(x + r * columns + c);
    store<kWidth>(sums + c, (acc[0] + acc[1]) + (acc[2] + acc[3]));
  });
}
