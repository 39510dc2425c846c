// Loops over pixels whose channels lie side by side: batch norm and biases.

// sums[c] += term(i, c) over all pixels i, COUNT vectors of channels at a time:
// a sum must not wait for the one before.
template <int COUNT, class Term>
DIGITNET_INLINE void add_columns_of(int64_t first, int64_t count,
                                    int64_t channels, float* sums,
                                    const Term& term) {
  F sum[COUNT];
#pragma GCC unroll 4
  for (int v = 0; v < COUNT; ++v)
    sum[v] = load<kWide>(sums + first + v * kWide);
  for (int64_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < COUNT; ++v) sum[v] += term(i, first + v * kWide);
  }
#pragma GCC unroll 4
  for (int v = 0; v < COUNT; ++v) {
    const int64_t c = first + v * kWide;
    store_first<kWide>(sums + c, sum[v], channels - c);
  }
}

template <class Term>
DIGITNET_INLINE void add_columns(int64_t count, int64_t channels, float* sums,
                                 const Term& term) {
  int64_t c = 0;
  for (; c + 3 * kWide < channels; c += 4 * kWide)
    add_columns_of<4>(c, count, channels, sums, term);
  for (; c < channels; c += kWide)
    add_columns_of<1>(c, count, channels, sums, term);
}

void column_sums(const float* x, int64_t count, int64_t pixel, int64_t channels,
                 float* sums) {
  add_columns(count, channels, sums, [=](int64_t i, int64_t c) {
    return load<kWide>(x + i * pixel + c);
  });
}

void column_squares(const float* x, const float* mean, int64_t count,
                    int64_t channels, float* sums) {
  add_columns(count, channels, sums, [=](int64_t i, int64_t c) {
    const F centred = load<kWide>(x + i * channels + c) - load<kWide>(mean + c);
    return centred * centred;
  });
}

void column_products(const float* x, const float* mean, const float* g,
                     int64_t count, int64_t channels, float* g_sums,
                     float* products) {
  column_sums(g, count, channels, channels, g_sums);
  add_columns(count, channels, products, [=](int64_t i, int64_t c) {
    const int64_t at = i * channels + c;
    return load<kWide>(g + at) * (load<kWide>(x + at) - load<kWide>(mean + c));
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

void affine_gradient(const float* g, const float* x, const float* a,
                     const float* b, const float* d, int64_t count,
                     int64_t channels, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t at = i * channels + c;
      out[at] = g[at] * a[c] + x[at] * b[c] + d[c];
    }
  }
}
