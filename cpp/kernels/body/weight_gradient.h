// The weights' gradient of a convolution or dense layer, dense form: inputs of
// the window take the place of pixels, pixels that of the sum.

template <int W, int NV, int G, int PX>
DIGITNET_APART void gradient_tile(const Walk& walk, const float* x,
                                  const float* g, float* target, int64_t width,
                                  bool accumulate) {
  typename Lanes<W>::F acc[G * PX][NV];
  start<W, NV, G * PX>(accumulate ? target : kZeros, accumulate ? width : 0,
                       acc);
  multiply_add<W, NV, G, PX>(walk, x, x + PX, 1, g, acc);
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
  const Walk walk{c.height, c.width, c.x_pixel, c.x_line, c.g_pixel, c.g_line};
  for (int64_t row = 0; row < c.rows; ++row) {
    const float* x = c.x + row * c.x_row;
    float* rows = target + row * c.run * width;
    int64_t input = c.first_input;
    for (; input + 2 * PX <= c.last_input; input += 2 * PX)
      gradient_tile<W, NV, 2, PX>(walk, x + input, g, rows + input * width,
                                  width, c.accumulate);
    for (; input + 4 <= c.last_input; input += 4)
      gradient_tile<W, NV, 2, 2>(walk, x + input, g, rows + input * width,
                                 width, c.accumulate);
    for (; input < c.last_input; ++input)
      gradient_tile<W, NV, 1, 1>(walk, x + input, g, rows + input * width,
                                 width, c.accumulate);
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
