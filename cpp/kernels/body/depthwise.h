// Depthwise convolutions: every channel has taps of its own, so that a lane is
// a channel from the input to the output, and a tap is one load, one multiply
// and one add a pixel.

// COUNT neighbouring pixels of one output row, the channels of one vector.
template <int COUNT>
DIGITNET_INLINE void depthwise_tile(const Depthwise& d, const float* x,
                                    const float* weights, int64_t weights_row,
                                    const float* bias, float* y, int64_t left) {
  constexpr int kPointers = (COUNT + 2) / 3;
  F acc[COUNT];
#pragma GCC unroll 8
  for (int p = 0; p < COUNT; ++p) acc[p] = load<kWide>(bias);
  for (int64_t t = 0; t < d.taps; ++t) {
    const F w = load<kWide>(weights + d.rows[t] * weights_row);
    const float* from[kPointers];
#pragma GCC unroll 4
    for (int q = 0; q < kPointers; ++q)
      from[q] = x + d.offsets[t] + 3 * q * d.x_pixel;
#pragma GCC unroll 8
    for (int p = 0; p < COUNT; ++p)
      acc[p] += load<kWide>(from[p / 3] + p % 3 * d.x_pixel) * w;
  }
#pragma GCC unroll 8
  for (int p = 0; p < COUNT; ++p)
    store_first<kWide>(y + p * d.y_pixel, acc[p], left);
}

// Rows outside, channels within: the rows that a window reads stay in the first
// cache. Seven pixels: maps of digits are 28, 14 and 7 wide.
void depthwise(const Depthwise& d) {
  for (int64_t row = 0; row < d.height; ++row) {
    for (int64_t c = 0; c < d.channels; c += kWide) {
      const int64_t panel = c / kPanel, width = panel_width(d.channels, panel);
      const float* weights =
          d.weights + panel * kPanel * d.kernel_taps + c % kPanel;
      const float* bias = d.bias ? d.bias + c : kZeros;
      const float* x = d.x + row * d.x_line + c;
      float* y = d.y + row * d.y_line + c;
      const auto tile = [&](auto shape) {
        depthwise_tile<shape.kWidth>(d, x, weights, width, bias, y,
                                     d.channels - c);
        x += shape.kWidth * d.x_pixel;
        y += shape.kWidth * d.y_pixel;
      };
      int64_t left = d.width;
      for (; left >= 7; left -= 7) tile(Width<7>());
      if (left >= 4) {
        tile(Width<4>());
        left -= 4;
      }
      if (left >= 2) {
        tile(Width<2>());
        left -= 2;
      }
      if (left) tile(Width<1>());
    }
  }
}

// Three taps of one row of a window.
DIGITNET_INLINE void add_products(const float* x, int64_t step, F g,
                                  F (&sums)[3]) {
  sums[0] += load<kWide>(x) * g;
  sums[1] += load<kWide>(x + step) * g;
  sums[2] += load<kWide>(x + 2 * step) * g;
}

// One output row's part of the gradients of windows 3 wide: the nine sums of a
// vector of channels stay in registers.
DIGITNET_INLINE void depthwise_gradient_of_3(const DepthwiseGradient& d,
                                             const float* x, const float* g,
                                             float* to, int64_t to_row,
                                             int64_t left) {
  F sums[3][3];
#pragma GCC unroll 9
  for (int t = 0; t < 9; ++t)
    sums[t / 3][t % 3] = load_first<kWide>(to + t * to_row, left);
  const float* x1 = x + d.x_row;
  const float* x2 = x1 + d.x_row;
  for (int64_t pixel = 0; pixel < d.width; ++pixel) {
    const F v = load<kWide>(g);
    add_products(x, d.channels, v, sums[0]);
    add_products(x1, d.channels, v, sums[1]);
    add_products(x2, d.channels, v, sums[2]);
    x += d.x_pixel;
    x1 += d.x_pixel;
    x2 += d.x_pixel;
    g += d.g_pixel;
  }
#pragma GCC unroll 9
  for (int t = 0; t < 9; ++t)
    store_first<kWide>(to + t * to_row, sums[t / 3][t % 3], left);
}

// The same for one tap of any window.
DIGITNET_INLINE void depthwise_gradient_of_tap(const DepthwiseGradient& d,
                                               const float* x, const float* g,
                                               float* to, int64_t left) {
  F sum = load_first<kWide>(to, left);
  for (int64_t pixel = 0; pixel < d.width; ++pixel)
    sum +=
        load<kWide>(x + pixel * d.x_pixel) * load<kWide>(g + pixel * d.g_pixel);
  store_first<kWide>(to, sum, left);
}

void depthwise_gradient(const DepthwiseGradient& d) {
  const int64_t taps = d.kernel * d.kernel;
  for (int64_t row = 0; row < d.height; ++row) {
    for (int64_t c = 0; c < d.channels; c += kWide) {
      const int64_t panel = c / kPanel, width = panel_width(d.channels, panel);
      float* to = d.gradient + panel * kPanel * taps + c % kPanel;
      const float* x = d.x + row * d.x_line + c;
      const float* g = d.g + row * d.g_line + c;
      const int64_t left = d.channels - c;
      if (d.kernel == 3) {
        depthwise_gradient_of_3(d, x, g, to, width, left);
        continue;
      }
      for (int64_t t = 0; t < taps; ++t) {
        depthwise_gradient_of_tap(
            d, x + t / d.kernel * d.x_row + t % d.kernel * d.channels, g,
            to + t * width, left);
      }
    }
  }
}
