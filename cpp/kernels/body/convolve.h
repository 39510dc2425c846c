// Forward convolutions and dense layers.

constexpr float kZeros[kPanel] = {};

// One block of outputs: NV vectors of a panel from lane `lane` on.
struct Block {
  const float* weights;
  const float* bias;  // of the first lane
  int64_t output;     // the first lane's
  int64_t valid;      // lanes that are outputs, not padding
  Walk walk;
};

// acc[p] = from[p * step ...]: what y holds, or with step 0 the bias.
template <int W, int NV, int COUNT>
DIGITNET_INLINE void start(const float* from, int64_t step, int64_t valid,
                           typename Lanes<W>::F (&acc)[COUNT][NV]) {
#pragma GCC unroll 16
  for (int p = 0; p < COUNT; ++p) {
#pragma GCC unroll 8
    for (int n = 0; n < NV; ++n)
      acc[p][n] = load_first<W>(from + p * step + n * W, valid - n * W);
  }
}

template <int W, int NV>
DIGITNET_INLINE void store_pixel(float* y,
                                 const typename Lanes<W>::F (&values)[NV],
                                 int64_t valid, bool relu) {
#pragma GCC unroll 8
  for (int n = 0; n < NV; ++n) {
    const int64_t left = valid - n * W;
    if (left <= 0) break;
    store_first<W>(y + n * W, relu ? relu_of<W>(values[n]) : values[n], left);
  }
}

// G * PX neighbouring pixels of one output row.
template <int W, int NV, int G, int PX>
DIGITNET_APART void line_tile(const Convolution& c, const Block& block,
                              int64_t row, int64_t column) {
  typename Lanes<W>::F acc[G * PX][NV];
  float* y = c.y + row * c.y_line + column * c.y_pixel + block.output;
  start<W, NV, G * PX>(c.accumulate ? y : block.bias,
                       c.accumulate ? c.y_pixel : 0, block.valid, acc);
  const float* x = c.x + row * c.x_line + column * c.x_pixel;
  multiply_add<W, NV, G, PX>(block.walk, x, x + PX * c.x_pixel, c.x_pixel,
                             block.weights, acc);
#pragma GCC unroll 16
  for (int p = 0; p < G * PX; ++p)
    store_pixel<W, NV>(y + p * c.y_pixel, acc[p], block.valid, c.relu);
}

template <int W, int NV, int PX>
void line(const Convolution& c, const Block& block, int64_t row) {
  int64_t column = 0;
  for (; column + 2 * PX <= c.width; column += 2 * PX)
    line_tile<W, NV, 2, PX>(c, block, row, column);
  const int64_t pairs = (c.width - column) / 2;
  switch (pairs) {
    case 1:
      line_tile<W, NV, 2, 1>(c, block, row, column);
      break;
    case 2:
      if constexpr (PX > 2) line_tile<W, NV, 2, 2>(c, block, row, column);
      break;
    case 3:
      if constexpr (PX > 3) line_tile<W, NV, 2, 3>(c, block, row, column);
      break;
    case 4:
      if constexpr (PX > 4) line_tile<W, NV, 2, 4>(c, block, row, column);
      break;
    case 5:
      if constexpr (PX > 5) line_tile<W, NV, 2, 5>(c, block, row, column);
      break;
    case 6:
      if constexpr (PX > 6) line_tile<W, NV, 2, 6>(c, block, row, column);
      break;
    case 7:
      if constexpr (PX > 7) line_tile<W, NV, 2, 7>(c, block, row, column);
      break;
    default:
      break;
  }
  if ((c.width - column) % 2)
    line_tile<W, NV, 1, 1>(c, block, row, c.width - 1);
}

// The largest of a 2x2 window and where it was; the first of equals.
template <int W, int NV>
DIGITNET_INLINE void store_pooled(const typename Lanes<W>::F (&a)[NV],
                                  const typename Lanes<W>::F (&b)[NV],
                                  const typename Lanes<W>::F (&c)[NV],
                                  const typename Lanes<W>::F (&d)[NV], float* y,
                                  uint8_t* argmax, int64_t valid, bool relu) {
  typedef typename Lanes<W>::I I;
  typename Lanes<W>::F largest[NV];
#pragma GCC unroll 8
  for (int n = 0; n < NV; ++n) {
    typename Lanes<W>::F best = a[n];
    I where{};
    // Not b > best: a window of NaN alone, as of diverged weights, stays NaN.
    I keep = best >= b[n];
    best = keep ? best : b[n];
    where = keep ? where : I{} + 1;
    keep = best >= c[n];
    best = keep ? best : c[n];
    where = keep ? where : I{} + 2;
    keep = best >= d[n];
    best = keep ? best : d[n];
    where = keep ? where : I{} + 3;
    largest[n] = best;
    const typename Lanes<W>::Bytes bytes =
        __builtin_convertvector(where, typename Lanes<W>::Bytes);
    const int64_t left = valid - n * W;
    if (left > 0) store_bytes<W>(argmax + n * W, bytes, left);
  }
  store_pixel<W, NV>(y, largest, valid, relu);
}

// 2 x PX pixels, pooled; PX is even.
template <int W, int NV, int PX>
DIGITNET_APART void pooled_tile(const Convolution& c, const Block& block,
                                int64_t row, int64_t column) {
  typename Lanes<W>::F acc[2 * PX][NV];
  start<W, NV, 2 * PX>(block.bias, 0, block.valid, acc);
  const float* x = c.x + row * c.x_line + column * c.x_pixel;
  multiply_add<W, NV, 2, PX>(block.walk, x, x + c.x_line, c.x_pixel,
                             block.weights, acc);
  const int64_t pooled_width = c.width / 2;
  float* y = c.y + row / 2 * c.y_line + column / 2 * c.y_pixel + block.output;
  uint8_t* argmax = c.argmax +
                    (row / 2 * pooled_width + column / 2) * c.outputs +
                    block.output;
#pragma GCC unroll 8
  for (int p = 0; p < PX; p += 2) {
    store_pooled<W, NV>(acc[p], acc[p + 1], acc[PX + p], acc[PX + p + 1],
                        y + p / 2 * c.y_pixel, argmax + p / 2 * c.outputs,
                        block.valid, c.relu);
  }
}

template <int W, int NV, int PX>
void pooled_line(const Convolution& c, const Block& block, int64_t row) {
  constexpr int kEven = PX / 2 * 2;
  const int64_t width = c.width / 2 * 2;
  int64_t column = 0;
  for (; column + kEven <= width; column += kEven)
    pooled_tile<W, NV, kEven>(c, block, row, column);
  if constexpr (kEven > 4) {
    if (column + 4 <= width) {
      pooled_tile<W, NV, 4>(c, block, row, column);
      column += 4;
    }
  }
  for (; column < width; column += 2)
    pooled_tile<W, NV, 2>(c, block, row, column);
}

template <int W, int NV, int PX>
void convolve_block(const Convolution& c, const Block& block) {
  if (c.argmax) {
    for (int64_t row = 0; row + 1 < c.height; row += 2)
      pooled_line<W, NV, PX>(c, block, row);
  } else {
    for (int64_t row = 0; row < c.height; ++row) line<W, NV, PX>(c, block, row);
  }
}

// Every panel, by the blocks that it is cut into.
void convolve(const Convolution& c) {
  for (int64_t panel = c.first_panel; panel < c.last_panel; ++panel) {
    const int64_t width = panel_width(c.outputs, panel);
    const float* weights = c.weights + panel * c.weights_panel;
    for (int64_t lane = 0; lane < width;) {
      const int64_t output = panel * kPanel + lane;
      const Block block{weights + lane,
                        c.bias ? c.bias + output : kZeros,
                        output,
                        c.outputs - output,
                        {c.rows, c.run, 1, c.x_row, width, c.run * width}};
      lane += with_block(width - lane, [&](auto shape) {
        convolve_block<shape.kWidth, shape.kVectors, shape.kPixels>(c, block);
      });
    }
  }
}
