// Winograd's convolution: tiles of x and the weights are transformed,
// multiplied point by point (a small matrix product over the channels each),
// and the sums transformed back to 2x2 outputs.

// F(2, R): y = A^T [(G g) * (B^T d)], from the points 0, 1, -1 (R = 3) and 2,
// -1/2 (R = 5) and infinity.
template <int R>
struct Filtering;

template <>
struct Filtering<3> {
  static constexpr int T = 4;
  static constexpr float kInput[4][4] = {
      {-1, 0, 1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
  static constexpr float kWeights[4][3] = {
      {-1, 0, 0}, {.5f, .5f, .5f}, {.5f, -.5f, .5f}, {0, 0, 1}};
  static constexpr float kOutput[2][4] = {{1, 1, 1, 0}, {0, 1, -1, 1}};
};

template <>
struct Filtering<5> {
  static constexpr int T = 6;
  static constexpr float kInput[6][6] = {
      {1, 1.5f, -2, -1.5f, 1, 0}, {0, -1, -2.5f, -.5f, 1, 0},
      {0, 1, .5f, -2.5f, 1, 0},   {0, -.5f, -1, .5f, 1, 0},
      {0, 2, -1, -2, 1, 0},       {0, 1, 1.5f, -2, -1.5f, 1}};
  static constexpr float kWeights[6][5] = {
      {1, 0, 0, 0, 0},
      {-1 / 3.f, -1 / 3.f, -1 / 3.f, -1 / 3.f, -1 / 3.f},
      {1 / 3.f, -1 / 3.f, 1 / 3.f, -1 / 3.f, 1 / 3.f},
      {1 / 15.f, 2 / 15.f, 4 / 15.f, 8 / 15.f, 16 / 15.f},
      {-16 / 15.f, 8 / 15.f, -4 / 15.f, 2 / 15.f, -1 / 15.f},
      {0, 0, 0, 0, 1}};
  static constexpr float kOutput[2][6] = {{1, 1, 1, 1, 1, 0},
                                          {0, 1, -1, 2, -.5f, 1}};
};

// out = sum of row[i] * v[i], zeros left out at compile time.
template <int W, int COUNT>
DIGITNET_INLINE typename Lanes<W>::F combined(
    const float (&row)[COUNT], const typename Lanes<W>::F (&v)[COUNT]) {
  typename Lanes<W>::F sum = all<W>(0);
  bool first = true;
#pragma GCC unroll 8
  for (int i = 0; i < COUNT; ++i) {
    if (row[i] == 0) continue;
    if (first) {
      sum = row[i] == 1 ? v[i] : v[i] * row[i];
      first = false;
    } else {
      sum = row[i] == 1    ? sum + v[i]
            : row[i] == -1 ? sum - v[i]
                           : sum + v[i] * row[i];
    }
  }
  return sum;
}

// out[i][j] = M in M^T, OUT x OUT from IN x IN.
template <int W, int OUT, int IN>
DIGITNET_INLINE void sandwich(const float (&matrix)[OUT][IN],
                              const typename Lanes<W>::F (&in)[IN][IN],
                              typename Lanes<W>::F (&out)[OUT][OUT]) {
  typename Lanes<W>::F half[IN][OUT];
#pragma GCC unroll 8
  for (int i = 0; i < IN; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < OUT; ++j)
      half[i][j] = combined<W, IN>(matrix[j], in[i]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < OUT; ++j) {
    typename Lanes<W>::F column[IN];
#pragma GCC unroll 8
    for (int i = 0; i < IN; ++i) column[i] = half[i][j];
#pragma GCC unroll 8
    for (int i = 0; i < OUT; ++i)
      out[i][j] = combined<W, IN>(matrix[i], column);
  }
}

// One tile of x, all channels, to to[point * plane ...].
template <int R, int W>
DIGITNET_INLINE void transform_tile(const float* x, int64_t row,
                                    int64_t channels, float* to,
                                    int64_t plane) {
  constexpr int T = Filtering<R>::T;
  typedef typename Lanes<W>::F V;
  for (int64_t c = 0; c < channels; c += W) {
    V in[T][T], out[T][T];
#pragma GCC unroll 8
    for (int i = 0; i < T; ++i) {
#pragma GCC unroll 8
      for (int j = 0; j < T; ++j)
        in[i][j] = load<W>(x + i * row + j * channels + c);
    }
    sandwich<W, T, T>(Filtering<R>::kInput, in, out);
#pragma GCC unroll 8
    for (int i = 0; i < T; ++i) {
#pragma GCC unroll 8
      for (int j = 0; j < T; ++j)
        store_first<W>(to + (i * T + j) * plane + c, out[i][j], channels - c);
    }
  }
}

// Tiles [first, first + tiles) of the image, counted row by row.
template <int R>
void transform_input(const Convolution& c, int64_t first, int64_t tiles,
                     float* to) {
  constexpr int T = Filtering<R>::T;
  const int64_t channels = c.x_pixel, across = (c.width + 1) / 2;
  const int64_t plane = tiles * channels;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t row = (first + t) / across * 2;
    const int64_t column = (first + t) % across * 2;
    const float* x = c.x + row * c.x_line + column * channels;
    float* out = to + t * channels;
    // What lies beyond the last window is nobody's: it must not be read.
    const int64_t rows = row + 1 < c.height ? T : T - 1;
    const int64_t columns = column + 1 < c.width ? T : T - 1;
    if (rows == T && columns == T) {
      if (channels % 16 == 0) {
        transform_tile<R, kWide>(x, c.x_row, channels, out, plane);
      } else {
        transform_tile < R,
            kWide<8 ? kWide : 8>(x, c.x_row, channels, out, plane);
      }
      continue;
    }
    // A few channels at a time through a copy with zeros.
    constexpr int W = kWide < 8 ? kWide : 8;
    for (int64_t start = 0; start < channels; start += W) {
      const int64_t count = channels - start < W ? channels - start : W;
      float copy[T * T * W + W] = {}, result[T * T * W];
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          for (int64_t k = 0; k < count; ++k) {
            copy[(i * T + j) * W + k] =
                x[i * c.x_row + j * channels + start + k];
          }
        }
      }
      transform_tile<R, W>(copy, T * W, W, result, W);
      for (int64_t p = 0; p < T * T; ++p) {
        for (int64_t k = 0; k < count; ++k)
          out[p * plane + start + k] = result[p * W + k];
      }
    }
  }
}

// Sums of one panel back to pixels, pooled or not.
template <int R, int W>
void transform_output(const Convolution& c, int64_t first, int64_t tiles,
                      int64_t panel, const float* from) {
  constexpr int T = Filtering<R>::T;
  typedef typename Lanes<W>::F V;
  const int64_t width = panel_width(c.outputs, panel);
  const int64_t across = (c.width + 1) / 2, plane = tiles * width;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t row = (first + t) / across, column = (first + t) % across;
    const bool last_row = 2 * row + 1 >= c.height;
    const bool last_column = 2 * column + 1 >= c.width;
    if (c.argmax && (last_row || last_column)) continue;
    for (int64_t lane = 0; lane < width; lane += W) {
      const int64_t output = panel * kPanel + lane;
      const int64_t valid = c.outputs - output;
      V in[T][T], y[2][2];
#pragma GCC unroll 8
      for (int i = 0; i < T; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < T; ++j)
          in[i][j] = load<W>(from + (i * T + j) * plane + t * width + lane);
      }
      sandwich<W, 2, T>(Filtering<R>::kOutput, in, y);
      const V bias = c.bias ? load<W>(c.bias + output) : all<W>(0);
      const V a[1] = {y[0][0] + bias}, b[1] = {y[0][1] + bias};
      const V d[1] = {y[1][0] + bias}, e[1] = {y[1][1] + bias};
      if (c.argmax) {
        store_pooled<W, 1>(
            a, b, d, e, c.y + row * c.y_line + column * c.y_pixel + output,
            c.argmax + (row * (c.width / 2) + column) * c.outputs + output,
            valid, c.relu);
        continue;
      }
      float* to = c.y + 2 * row * c.y_line + 2 * column * c.y_pixel + output;
      store_pixel<W, 1>(to, a, valid, c.relu);
      if (!last_column) store_pixel<W, 1>(to + c.y_pixel, b, valid, c.relu);
      if (last_row) continue;
      store_pixel<W, 1>(to + c.y_line, d, valid, c.relu);
      if (!last_column)
        store_pixel<W, 1>(to + c.y_line + c.y_pixel, e, valid, c.relu);
    }
  }
}

template <int R>
void winograd_of(const Winograd& w) {
  constexpr int T = Filtering<R>::T;
  const Convolution& c = w.c;
  const int64_t inputs = c.x_pixel;
  const int64_t across = (c.width + 1) / 2, down = (c.height + 1) / 2;
  const int64_t rows =
      kWinogradTiles / across > 1 ? kWinogradTiles / across : 1;
  for (int64_t row = 0; row < down; row += rows) {
    const int64_t first = row * across;
    const int64_t tiles = (row + rows < down ? rows : down - row) * across;
    transform_input<R>(c, first, tiles, w.scratch);
    float* sums = w.scratch + T * T * tiles * inputs;
    for (int64_t panel = 0; panel < panel_count(c.outputs); ++panel) {
      const int64_t width = panel_width(c.outputs, panel);
      for (int64_t point = 0; point < T * T; ++point) {
        Convolution product{};
        product.x = w.scratch + point * tiles * inputs;
        product.x_pixel = product.run = inputs;
        product.rows = 1;
        product.weights = c.weights + point * inputs * padded(c.outputs) +
                          panel * kPanel * inputs;
        product.outputs = width;
        product.last_panel = 1;
        product.height = 1;
        product.width = tiles;
        product.y = sums + point * tiles * width;
        product.y_pixel = width;
        convolve(product);
      }
      if (width % kWide == 0) {
        transform_output<R, kWide>(c, first, tiles, panel, sums);
      } else {
        transform_output < R,
            kWide<8 ? kWide : 8>(c, first, tiles, panel, sums);
      }
    }
  }
}

void winograd(const Winograd& w) {
  if (w.c.rows == 3) return winograd_of<3>(w);
  winograd_of<5>(w);
}

template <int R>
void winograd_weights_of(const float* weights, int64_t inputs, int64_t outputs,
                         int64_t panel, float* to) {
  constexpr int T = Filtering<R>::T;
  constexpr int W = kWide < 8 ? kWide : 8;
  typedef typename Lanes<W>::F V;
  const int64_t width = panel_width(outputs, panel);
  const float* from = weights + panel * kPanel * R * R * inputs;
  float* start = to + panel * kPanel * inputs;
  for (int64_t input = 0; input < inputs; ++input) {
    for (int64_t lane = 0; lane < width; lane += W) {
      V taps[R][R], half[R][T];
      for (int i = 0; i < R; ++i) {
        for (int j = 0; j < R; ++j) {
          taps[i][j] =
              load<W>(from + ((i * R + j) * inputs + input) * width + lane);
        }
      }
      for (int i = 0; i < R; ++i) {
        for (int j = 0; j < T; ++j)
          half[i][j] = combined<W, R>(Filtering<R>::kWeights[j], taps[i]);
      }
      for (int j = 0; j < T; ++j) {
        V column[R];
        for (int i = 0; i < R; ++i) column[i] = half[i][j];
        for (int i = 0; i < T; ++i) {
          store<W>(start + (i * T + j) * inputs * padded(outputs) +
                       input * width + lane,
                   combined<W, R>(Filtering<R>::kWeights[i], column));
        }
      }
    }
  }
}

void winograd_weights(const float* weights, int64_t kernel, int64_t inputs,
                      int64_t outputs, int64_t panel, float* transformed) {
  if (kernel == 3)
    return winograd_weights_of<3>(weights, inputs, outputs, panel, transformed);
  winograd_weights_of<5>(weights, inputs, outputs, panel, transformed);
}
