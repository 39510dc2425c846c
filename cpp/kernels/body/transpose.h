// Lane i is the one of number lanes[i] among those of a and then b.
template <int W>
DIGITNET_INLINE typename Lanes<W>::F shuffle(typename Lanes<W>::F a,
                                             typename Lanes<W>::F b,
                                             typename Lanes<W>::I lanes) {
#if defined(__clang__)
  // It has no __builtin_shuffle, and makes one of this.
  typename Lanes<W>::F result;
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i)
    result[i] = lanes[i] < W ? a[lanes[i]] : b[lanes[i] - W];
  return result;
#else
  return __builtin_shuffle(a, b, lanes);
#endif
}

// Transposition by squares of vectors: in stage S, lanes and rows whose numbers
// differ by S change places.
template <int W, int S>
DIGITNET_INLINE void swap_stage(typename Lanes<W>::F (&rows)[W]) {
  if constexpr (S < W) {
    typename Lanes<W>::I low, high;
    for (int j = 0; j < W; ++j) {
      low[j] = j & S ? W + j - S : j;
      high[j] = j & S ? W + j : j + S;
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) {
      if (i & S) continue;
      const typename Lanes<W>::F a = rows[i], b = rows[i + S];
      rows[i] = shuffle<W>(a, b, low);
      rows[i + S] = shuffle<W>(a, b, high);
    }
    swap_stage<W, 2 * S>(rows);
  }
}

void transpose(const float* from, int64_t rows, int64_t columns,
               int64_t from_row, float* to, int64_t to_row) {
  constexpr int W = kWide;
  int64_t r = 0;
  for (; r + W <= rows; r += W) {
    int64_t c = 0;
    for (; c + W <= columns; c += W) {
      Lanes<W>::F square[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i)
        square[i] = load<W>(from + (r + i) * from_row + c);
      swap_stage<W, 1>(square);
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i)
        store<W>(to + (c + i) * to_row + r, square[i]);
    }
    for (; c < columns; ++c) {
      for (int64_t i = r; i < r + W; ++i)
        to[c * to_row + i] = from[i * from_row + c];
    }
  }
  for (int64_t c = 0; c < columns && r < rows; ++c) {
    for (int64_t i = r; i < rows; ++i)
      to[c * to_row + i] = from[i * from_row + c];
  }
}
