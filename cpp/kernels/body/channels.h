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
