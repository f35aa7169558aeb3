// Sums down the columns of a batch-norm's matrices, and passes that treat every column its own way.

/// Rows that are summed up at a time: a few of them stay in the cache while their columns are taken
/// vector by vector.
constexpr int64_t kBlockRows = 64;

/// Adds up pairs, terms.template operator()<kWidth>(row, column) -> {Doubles, Doubles}. Rows of
/// even and odd number in a block have sums of their own: their order is fixed.
template <typename Terms>
inline void sum_pairs(const Columns& shape, double* first, double* second, Terms terms) {
  for (int64_t c = 0; c < shape.columns; ++c) first[c] = second[c] = 0;
  for (int64_t begin = 0; begin < shape.rows; begin += kBlockRows) {
    const int64_t end = begin + kBlockRows < shape.rows ? begin + kBlockRows : shape.rows;
    for_vectors<kVectorFloats>(0, shape.columns, [&]<int kWidth>(int64_t c) {
      Doubles<kWidth> a[2] = {}, b[2] = {};
      int64_t r = begin;
      for (; r + 2 <= end; r += 2) {
#pragma GCC unroll 2
        for (int u = 0; u < 2; ++u) terms.template operator()<kWidth>(r + u, c, a[u], b[u]);
      }
      if (r < end) terms.template operator()<kWidth>(r, c, a[0], b[0]);
      add_to<kWidth>(first + c, a[0] + a[1]);
      add_to<kWidth>(second + c, b[0] + b[1]);
    });
  }
}

void column_moments(const Columns& shape, const float* x, const float* origin, double* sums,
                    double* squares) {
  sum_pairs(shape, sums, squares,
            [&]<int kWidth>(int64_t r, int64_t c, Doubles<kWidth>& sum, Doubles<kWidth>& square) {
              const Doubles<kWidth> from_origin =
                  doubles_of<kWidth>(load<kWidth>(x + r * shape.step + c)) -
                  doubles_of<kWidth>(load<kWidth>(origin + c));
              sum += from_origin;
              square += from_origin * from_origin;
            });
}

void column_products(const Columns& shape, const float* dy, const float* z, const float* mean,
                     double* sums, double* products) {
  sum_pairs(shape, sums, products,
            [&]<int kWidth>(int64_t r, int64_t c, Doubles<kWidth>& sum, Doubles<kWidth>& product) {
              const int64_t i = r * shape.step + c;
              const Doubles<kWidth> gradient = doubles_of<kWidth>(load<kWidth>(dy + i));
              sum += gradient;
              product += gradient * (doubles_of<kWidth>(load<kWidth>(z + i)) -
                                     doubles_of<kWidth>(load<kWidth>(mean + c)));
            });
}

template <int kWidth>
inline Vector<kWidth> normalized(const NormalizeArgs& args, const Clip& to, int64_t i, int64_t c) {
  Vector<kWidth> v =
      (load<kWidth>(args.z + i) - load<kWidth>(args.mean + c)) * load<kWidth>(args.slope + c) +
      load<kWidth>(args.offset + c);
  if (args.addend) v += load<kWidth>(args.addend + i);
  return clipped<kWidth>(v, broadcast<kWidth>(to.low), broadcast<kWidth>(to.high));
}

/// Without a mask, or with one where every 8 columns are a byte of it.
void normalize(const NormalizeArgs& args) {
  const Clip to = clip_of(args.activation);
  const Vector<8> highest = broadcast<8>(to.high);
  for (int64_t r = 0; r < args.shape.rows; ++r) {
    const int64_t row = r * args.shape.step;
    if (args.mask == nullptr) {
      for_vectors<kVectorFloats>(0, args.shape.columns, [&]<int kWidth>(int64_t c) {
        store<kWidth>(args.y + row + c, normalized<kWidth>(args, to, row + c, c));
      });
      continue;
    }
    for (int64_t c = 0; c < args.shape.columns; c += 8) {
      const Vector<8> v = normalized<8>(args, to, row + c, c);
      store<8>(args.y + row + c, v);
      args.mask[(row + c) / 8] = bits_of((v > Vector<8>{}) & (v < highest));
    }
  }
}

void normalize_grad(const NormalizeGradArgs& args) {
  for (int64_t r = 0; r < args.shape.rows; ++r) {
    const int64_t row = r * args.shape.step;
    for_vectors<kVectorFloats>(0, args.shape.columns, [&]<int kWidth>(int64_t c) {
      const Vector<kWidth> deviation = load<kWidth>(args.z + row + c) - load<kWidth>(args.mean + c);
      const Vector<kWidth> centred = load<kWidth>(args.dy + row + c) -
                                     load<kWidth>(args.shift + c) -
                                     deviation * load<kWidth>(args.tilt + c);
      store<kWidth>(args.dz + row + c, load<kWidth>(args.slope + c) * centred);
    });
  }
}
