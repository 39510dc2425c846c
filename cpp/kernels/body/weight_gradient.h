// The weights' gradient of a convolution or dense layer, dense form: inputs of
// the window take the place of pixels, pixels that of the sum.

template <int W, int NV, int G, int PX>
DIGITNET_APART void gradient_tile(const WeightGradient& c, const float* x,
                                  const float* g, float* target,
                                  int64_t width) {
  const Walk walk{c.height, c.width, c.x_pixel, c.x_line, c.g_pixel, c.g_line};
  typename Lanes<W>::F acc[G * PX][NV];
  start<W, NV, G * PX>(c.accumulate ? target : kZeros, c.accumulate ? width : 0,
                       NV * W, acc);
  for (int64_t n = 0; n < c.images; ++n) {
    const float* from = x + n * c.x_image;
    multiply_add<W, NV, G, PX>(walk, from, from + PX, 1, g + n * c.g_image,
                               acc);
  }
#pragma GCC unroll 16
  for (int p = 0; p < G * PX; ++p) {
#pragma GCC unroll 8
    for (int n = 0; n < NV; ++n)
      store<W>(target + p * width + n * W, acc[p][n]);
  }
}

template <int W, int NV, int PX>
void gradient_block(const WeightGradient& c, const float* g, float* target,
                    int64_t width) {
  for (int64_t row = 0; row < c.rows; ++row) {
    const float* x = c.x + row * c.x_row;
    float* rows = target + row * c.run * width;
    int64_t input = c.first_input;
    for (; input + 2 * PX <= c.last_input; input += 2 * PX)
      gradient_tile<W, NV, 2, PX>(c, x + input, g, rows + input * width, width);
    for (; input + 4 <= c.last_input; input += 4)
      gradient_tile<W, NV, 2, 2>(c, x + input, g, rows + input * width, width);
    const int64_t left = c.last_input - input;
    x += input;
    rows += input * width;
    if (left == 3) gradient_tile<W, NV, 1, 3>(c, x, g, rows, width);
    if (left == 2) gradient_tile<W, NV, 1, 2>(c, x, g, rows, width);
    if (left == 1) gradient_tile<W, NV, 1, 1>(c, x, g, rows, width);
  }
}

void weight_gradient(const WeightGradient& c) {
  for (int64_t panel = c.first_panel; panel < c.last_panel; ++panel) {
    const int64_t width = panel_width(c.outputs, panel);
    float* panel_start = c.gradient + panel * kPanel * c.rows * c.run;
    for (int64_t lane = 0; lane < width;) {
      const float* g = c.g + panel * kPanel + lane;
      float* target = panel_start + lane;
      lane += with_block(width - lane, [&](auto shape) {
        gradient_block<shape.kWidth, shape.kVectors, shape.kPixels>(
            c, g, target, width);
      });
    }
  }
}
