// Loops over pixels whose channels lie side by side: batch norm and biases.

// sums[s][c] += term(i, c)[s] over all pixels i, for SUMS sums at a time and
// COUNT vectors of channels: a sum must not wait for the one before.
template <int SUMS>
struct Addends {
  F values[SUMS];
};

template <int SUMS, int COUNT, class Term>
DIGITNET_INLINE void add_columns_of(int64_t first, int64_t count,
                                    int64_t channels, float* const* sums,
                                    const Term& term) {
  F sum[SUMS][COUNT];
#pragma GCC unroll 8
  for (int i = 0; i < SUMS * COUNT; ++i)
    sum[i / COUNT][i % COUNT] =
        load_first<kWide>(sums[i / COUNT] + first + i % COUNT * kWide,
                          channels - first - i % COUNT * kWide);
  for (int64_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < COUNT; ++v) {
      const Addends<SUMS> terms = term(i, first + v * kWide);
#pragma GCC unroll 2
      for (int s = 0; s < SUMS; ++s) sum[s][v] += terms.values[s];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < SUMS * COUNT; ++i) {
    const int64_t c = first + i % COUNT * kWide;
    store_first<kWide>(sums[i / COUNT] + c, sum[i / COUNT][i % COUNT],
                       channels - c);
  }
}

template <int SUMS, class Term>
DIGITNET_INLINE void add_columns(int64_t count, int64_t channels,
                                 float* const* sums, const Term& term) {
  int64_t c = 0;
  for (; c + 3 * kWide < channels; c += 4 * kWide)
    add_columns_of<SUMS, 4>(c, count, channels, sums, term);
  for (; c + kWide < channels; c += 2 * kWide)
    add_columns_of<SUMS, 2>(c, count, channels, sums, term);
  if (c < channels) add_columns_of<SUMS, 1>(c, count, channels, sums, term);
}

void column_sums(const float* x, int64_t count, int64_t pixel, int64_t channels,
                 float* sums) {
  add_columns<1>(count, channels, &sums, [=](int64_t i, int64_t c) {
    return Addends<1>{{load<kWide>(x + i * pixel + c)}};
  });
}

void column_moments(const float* x, const float* pivot, int64_t count,
                    int64_t channels, float* sums, float* squares) {
  float* const to[] = {sums, squares};
  add_columns<2>(count, channels, to, [=](int64_t i, int64_t c) {
    const F off = load<kWide>(x + i * channels + c) - load<kWide>(pivot + c);
    return Addends<2>{{off, off * off}};
  });
}

// What passes back through a rectifier whose output is y.
template <Rectifier RECTIFIER>
DIGITNET_INLINE F passed(F y, F g) {
  if constexpr (RECTIFIER == Rectifier::None) return g;
  I dead = y <= 0.0f;  // NaN lives
  if constexpr (RECTIFIER == Rectifier::Relu6) dead |= y >= 6.0f;
  return dead ? F{} : g;
}

template <Rectifier RECTIFIER>
struct Rectified {
  static constexpr Rectifier kRectifier = RECTIFIER;
};
template <class Call>
DIGITNET_INLINE void with_rectifier(Rectifier rectifier, const Call& call) {
  switch (rectifier) {
    case Rectifier::None:
      return call(Rectified<Rectifier::None>());
    case Rectifier::Relu:
      return call(Rectified<Rectifier::Relu>());
    case Rectifier::Relu6:
      return call(Rectified<Rectifier::Relu6>());
  }
}

void column_products(const AffineGradient& d, const float* mean, float* g_sums,
                     float* products) {
  float* const to[] = {g_sums, products};
  const float *x = d.x, *g = d.g, *a = d.a, *b = d.b;
  const int64_t channels = d.channels;
  with_rectifier(d.rectifier, [&](auto rectified) {
    add_columns<2>(d.count, channels, to, [=](int64_t i, int64_t c) {
      const F v = load<kWide>(x + i * channels + c);
      const F part = passed<rectified.kRectifier>(
          v * load<kWide>(a + c) + load<kWide>(b + c),
          load<kWide>(g + i * channels + c));
      return Addends<2>{{part, part * (v - load<kWide>(mean + c))}};
    });
  });
}

template <class Rectify>
DIGITNET_INLINE void affine_rows(const float* x, const float* a, const float* b,
                                 int64_t count, int64_t channels, float* y,
                                 const Rectify& rectify) {
  for (int64_t i = 0; i < count; ++i) {
    const float* from = x + i * channels;
    float* to = y + i * channels;
    for (int64_t c = 0; c < channels; ++c)
      to[c] = rectify(from[c] * a[c] + b[c]);
  }
}

void affine(const float* x, const float* a, const float* b, int64_t count,
            int64_t channels, Rectifier rectifier, float* y) {
  const auto relu = [](float value) { return 0 > value ? 0 : value; };
  switch (rectifier) {
    case Rectifier::None:
      return affine_rows(x, a, b, count, channels, y,
                         [](float value) { return value; });
    case Rectifier::Relu:
      return affine_rows(x, a, b, count, channels, y, relu);
    case Rectifier::Relu6:
      return affine_rows(x, a, b, count, channels, y, [=](float value) {
        const float above = relu(value);
        return above > 6 ? 6 : above;
      });
  }
}

void affine_gradient(const AffineGradient& d, const float* by_x,
                     const float* constant, float* out) {
  with_rectifier(d.rectifier, [&](auto rectified) {
    for (int64_t i = 0; i < d.count; ++i) {
      const int64_t at = i * d.channels;
      for (int64_t c = 0; c < d.channels; c += kWide) {
        const F v = load<kWide>(d.x + at + c), a = load<kWide>(d.a + c);
        const F g = passed<rectified.kRectifier>(v * a + load<kWide>(d.b + c),
                                                 load<kWide>(d.g + at + c));
        store_first<kWide>(
            out + at + c,
            g * a + v * load<kWide>(by_x + c) + load<kWide>(constant + c),
            d.channels - c);
      }
    }
  });
}
