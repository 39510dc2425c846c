// The arithmetic of Winograd's minimal filtering F(M x M, R x R): what turns
// windows, taps and outputs into values at T = M + R - 1 points, and back.
//
//                 "analyse": table x vector    "synthesise": its transpose
//   window  d     kInput   [T][T]   to points     of its gradient, back
//   taps    g     kWeights [T][R]   to points     of their gradient, back
//   outputs y     kOutput  [T][M]   (gradient)    from points, forward
//
// A gradient runs through the transpose of its forward transform, so three
// tables serve all six. In two dimensions: along rows, then along columns.
// Source: Lavin, Gray, CVPR 2016; the matrices are Toom's and Cook's.

template <int ROWS, int COLUMNS>
struct Table {
  float at[ROWS][COLUMNS];
};

// Polynomials are multiplied by their values at points: 0, pairs of opposites
// (whose rows share their sums of even and of odd columns), and infinity.
// Powers of a point far from 1 lose digits: multiples of 3/4 lose fewer than 1
// and 2 do.
template <int T>
struct Points;
template <>
struct Points<4> {
  static constexpr double at[3] = {0, 1, -1};
};
template <>
struct Points<6> {
  static constexpr double at[5] = {0, .75, -.75, 1.5, -1.5};
};

// y = O^T [(W g) * (I d)] for a line of T inputs d and R taps g gives M
// outputs; in two dimensions along both sides.
template <int M, int R>
struct Filtering {
  static constexpr int kSide = M, kTaps = R, T = M + R - 1;

  // Row i: the coefficients of the product of (x - p) over all other finite
  // points p, which is 0 at each of them; the last row, of infinity, over all.
  static constexpr Table<T, T> input() {
    Table<T, T> table{};
    for (int i = 0; i < T; ++i) {
      double product[T + 1] = {1};
      int degree = 0;
      for (int j = 0; j < T - 1; ++j) {
        if (j == i) continue;
        for (int k = ++degree; k > 0; --k)
          product[k] = product[k - 1] - Points<T>::at[j] * product[k];
        product[0] *= -Points<T>::at[j];
      }
      for (int k = 0; k < T; ++k)
        table.at[i][k] = static_cast<float>(product[k]);
    }
    return table;
  }
  // Row i: the powers of point i, scaled by what Lagrange's interpolation
  // divides by (weights alone: then outputs need no factor); the last row takes
  // the highest coefficient, the value at infinity.
  template <int N>
  static constexpr Table<T, N> powers(bool scaled) {
    Table<T, N> table{};
    for (int i = 0; i < T - 1; ++i) {
      double value = 1;
      for (int j = 0; scaled && j < T - 1; ++j)
        if (j != i) value /= Points<T>::at[i] - Points<T>::at[j];
      for (int k = 0; k < N; ++k) {
        table.at[i][k] = static_cast<float>(value);
        value *= Points<T>::at[i];
      }
    }
    table.at[T - 1][N - 1] = 1;
    return table;
  }

  static constexpr Table<T, T> kInput = input();
  static constexpr Table<T, R> kWeights = powers<R>(true);
  static constexpr Table<T, M> kOutput = powers<M>(false);
};

// Rows `row` and `row` + 1 differ only in the signs of their odd columns.
template <int ROWS, int COLUMNS>
constexpr bool mirrored(const Table<ROWS, COLUMNS>& table, int row) {
  if (row % 2 == 0 || row + 2 >= ROWS) return false;
  for (int k = 0; k < COLUMNS; ++k) {
    const float other = table.at[row + 1][k];
    if (table.at[row][k] != (k % 2 ? -other : other)) return false;
  }
  return true;
}

// sum + factor * value; whether there is a sum yet is known when compiling.
template <int W>
DIGITNET_INLINE void add_term(float factor, typename Lanes<W>::F value,
                              bool& started, typename Lanes<W>::F& sum) {
  if (factor == 0) return;
  if (!started) {
    sum = factor == 1 ? value : value * factor;
  } else {
    sum = factor == 1    ? sum + value
          : factor == -1 ? sum - value
                         : sum + value * factor;
  }
  started = true;
}

// Sum over columns FIRST, FIRST + STEP, ... of a row.
template <int W, auto& TABLE, int ROW, int FIRST, int STEP, int COLUMNS>
DIGITNET_INLINE typename Lanes<W>::F row_sum(
    const typename Lanes<W>::F (&in)[COLUMNS]) {
  typename Lanes<W>::F sum{};
  bool started = false;
#pragma GCC unroll 8
  for (int k = FIRST; k < COLUMNS; k += STEP)
    add_term<W>(TABLE.at[ROW][k], in[k], started, sum);
  return sum;
}

// out = TABLE in
template <int W, auto& TABLE, int ROW = 0, int COLUMNS, int ROWS>
DIGITNET_INLINE void analyse(const typename Lanes<W>::F (&in)[COLUMNS],
                             typename Lanes<W>::F (&out)[ROWS]) {
  if constexpr (ROW < ROWS) {
    if constexpr (mirrored(TABLE, ROW)) {
      const typename Lanes<W>::F even = row_sum<W, TABLE, ROW, 0, 2>(in);
      const typename Lanes<W>::F odd = row_sum<W, TABLE, ROW, 1, 2>(in);
      out[ROW] = even + odd;
      out[ROW + 1] = even - odd;
      analyse<W, TABLE, ROW + 2>(in, out);
    } else {
      out[ROW] = row_sum<W, TABLE, ROW, 0, 1>(in);
      analyse<W, TABLE, ROW + 1>(in, out);
    }
  }
}

// out = TABLE^T in
template <int W, auto& TABLE, int ROWS, int COLUMNS>
DIGITNET_INLINE void synthesise(const typename Lanes<W>::F (&in)[ROWS],
                                typename Lanes<W>::F (&out)[COLUMNS]) {
  typename Lanes<W>::F even[ROWS], odd[ROWS];
#pragma GCC unroll 8
  for (int j = 0; j < ROWS; ++j) {
    const bool pair = mirrored(TABLE, j);
    even[j] = pair ? in[j] + in[j + 1] : in[j];
    odd[j] = pair ? in[j] - in[j + 1] : in[j];
  }
#pragma GCC unroll 8
  for (int k = 0; k < COLUMNS; ++k) {
    bool started = false;
    out[k] = typename Lanes<W>::F{};
#pragma GCC unroll 8
    for (int j = 0; j < ROWS; ++j) {
      if (j > 0 && mirrored(TABLE, j - 1)) continue;
      add_term<W>(TABLE.at[j][k], (k % 2 ? odd : even)[j], started, out[k]);
    }
  }
}

// Both ways over the rows and the columns of a square.
template <int W, auto& TABLE, int N, int T>
DIGITNET_INLINE void analyse_square(const typename Lanes<W>::F (&in)[N][N],
                                    typename Lanes<W>::F (&out)[T][T]) {
  typename Lanes<W>::F half[N][T];
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) analyse<W, TABLE>(in[i], half[i]);
#pragma GCC unroll 8
  for (int j = 0; j < T; ++j) {
    typename Lanes<W>::F column[N], result[T];
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) column[i] = half[i][j];
    analyse<W, TABLE>(column, result);
#pragma GCC unroll 8
    for (int i = 0; i < T; ++i) out[i][j] = result[i];
  }
}

template <int W, auto& TABLE, int T, int N>
DIGITNET_INLINE void synthesise_square(const typename Lanes<W>::F (&in)[T][T],
                                       typename Lanes<W>::F (&out)[N][N]) {
  typename Lanes<W>::F half[T][N];
#pragma GCC unroll 8
  for (int i = 0; i < T; ++i) synthesise<W, TABLE>(in[i], half[i]);
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    typename Lanes<W>::F column[T], result[N];
#pragma GCC unroll 8
    for (int i = 0; i < T; ++i) column[i] = half[i][j];
    synthesise<W, TABLE>(column, result);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) out[i][j] = result[i];
  }
}
