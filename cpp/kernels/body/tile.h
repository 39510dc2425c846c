// The multiply-add kernel under convolutions and dense layers: G groups of PX
// pixels times NV vectors of outputs, held in registers over the whole sum. The
// groups are two runs of neighbouring pixels of one row, or the two rows of a
// pool, so that 2x2 windows are whole in registers when the sum ends.

// How a sum walks: `rows` rows of `run` terms.
struct Walk {
  int64_t rows, run;
  int64_t x_next, x_row;  // from term to term, from row to row
  int64_t w_next, w_row;
};

// acc[g * PX + p] += sum of x_g[p * pixel + ...] * w[...]
template <int W, int NV, int G, int PX>
DIGITNET_INLINE void multiply_add(const Walk& walk, const float* x0,
                                  const float* x1, int64_t pixel,
                                  const float* w,
                                  typename Lanes<W>::F (&acc)[G * PX][NV]) {
  for (int64_t row = 0; row < walk.rows; ++row) {
    // One pointer for three pixels: an address is pointer + {0, 1, 2} * pixel.
    constexpr int kPointers = (PX + 2) / 3;
    const float* x[G][kPointers];
    for (int q = 0; q < kPointers; ++q) {
      x[0][q] = x0 + row * walk.x_row + 3 * q * pixel;
      if constexpr (G == 2) x[1][q] = x1 + row * walk.x_row + 3 * q * pixel;
    }
    const float* v = w + row * walk.w_row;
    for (int64_t term = 0; term < walk.run; ++term) {
      typename Lanes<W>::F weights[NV];
#pragma GCC unroll 8
      for (int n = 0; n < NV; ++n) weights[n] = load<W>(v + n * W);
#pragma GCC unroll 2
      for (int g = 0; g < G; ++g) {
#pragma GCC unroll 8
        for (int p = 0; p < PX; ++p) {
          const float value = x[g][p / 3][(p % 3) * pixel];
#pragma GCC unroll 8
          for (int n = 0; n < NV; ++n) acc[g * PX + p][n] += value * weights[n];
        }
      }
#pragma GCC unroll 2
      for (int g = 0; g < G; ++g) {
#pragma GCC unroll 4
        for (int q = 0; q < kPointers; ++q) x[g][q] += walk.x_next;
      }
      v += walk.w_next;
    }
  }
}
