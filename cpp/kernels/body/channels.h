// Loops over pixels whose channels lie side by side: batch norm and biases.

void column_sums(const float* x, int64_t count, int64_t pixel, int64_t channels,
                 float* sums) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) sums[c] += x[i * pixel + c];
  }
}

void column_squares(const float* x, const float* mean, int64_t count,
                    int64_t pixel, int64_t channels, float* sums) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      const float centred = x[i * pixel + c] - mean[c];
      sums[c] += centred * centred;
    }
  }
}

void column_products(const float* x, const float* mean, const float* g,
                     int64_t count, int64_t x_pixel, int64_t g_pixel,
                     int64_t channels, float* g_sums, float* products) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      const float gradient = g[i * g_pixel + c];
      g_sums[c] += gradient;
      products[c] += gradient * (x[i * x_pixel + c] - mean[c]);
    }
  }
}

void affine(const float* x, const float* a, const float* b, int64_t count,
            int64_t x_pixel, int64_t y_pixel, int64_t channels, bool relu,
            float* y) {
  for (int64_t i = 0; i < count; ++i) {
    const float* from = x + i * x_pixel;
    float* to = y + i * y_pixel;
    if (relu) {
      for (int64_t c = 0; c < channels; ++c) {
        const float value = from[c] * a[c] + b[c];
        to[c] = 0 > value ? 0 : value;
      }
    } else {
      for (int64_t c = 0; c < channels; ++c) to[c] = from[c] * a[c] + b[c];
    }
  }
}

void affine_gradient(const float* g, const float* x, const float* a,
                     const float* b, const float* d, int64_t count,
                     int64_t g_pixel, int64_t x_pixel, int64_t out_pixel,
                     int64_t channels, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      out[i * out_pixel + c] =
          g[i * g_pixel + c] * a[c] + x[i * x_pixel + c] * b[c] + d[c];
    }
  }
}

void transpose(const float* from, int64_t rows, int64_t columns,
               int64_t from_row, float* to, int64_t to_row) {
  constexpr int64_t kBlock = 16;  // of a cache line both ways
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    const int64_t r1 = r0 + kBlock < rows ? r0 + kBlock : rows;
    for (int64_t c0 = 0; c0 < columns; c0 += kBlock) {
      const int64_t c1 = c0 + kBlock < columns ? c0 + kBlock : columns;
      for (int64_t c = c0; c < c1; ++c) {
        for (int64_t r = r0; r < r1; ++r)
          to[c * to_row + r] = from[r * from_row + c];
      }
    }
  }
}
