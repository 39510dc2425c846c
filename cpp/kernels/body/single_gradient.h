// The first layer's weight gradient behind a pool: which of the four pixels
// under a maximum counts is a permutation within four lanes, controlled by the
// argmax, so that channels stay side by side and nothing is listed.

// Lane i: quad[where[i]]. The instruction that reads four floats into all parts
// of a vector is asked for by name: the compiler would keep many quads in
// registers, run out of them, and reload.
template <int W>
DIGITNET_INLINE typename Lanes<W>::F picked(const float* quad,
                                            typename Lanes<W>::I where) {
#if defined(__AVX512F__)
  if constexpr (W == 16) {
    __m512 fours;
    __asm__("vbroadcastf32x4 %1, %0"
            : "=v"(fours)
            : "m"(*reinterpret_cast<const __m128_u*>(quad)));
    return (typename Lanes<W>::F)_mm512_permutevar_ps(fours, (__m512i)where);
  }
#endif
#if defined(__AVX2__)
  if constexpr (W == 8) {
    __m256 fours;
    __asm__("vbroadcastf128 %1, %0"
            : "=x"(fours)
            : "m"(*reinterpret_cast<const __m128_u*>(quad)));
    return (typename Lanes<W>::F)_mm256_permutevar_ps(fours, (__m256i)where);
  }
#endif
  typename Lanes<W>::F result = all<W>(quad[0]);
  result = where == 1 ? all<W>(quad[1]) : result;
  result = where == 2 ? all<W>(quad[2]) : result;
  return where == 3 ? all<W>(quad[3]) : result;
}

// Gradients of a pixel's channels that pass, and where their maxima were.
template <int W>
struct Passing {
  typename Lanes<W>::F g;
  typename Lanes<W>::I where;
};

template <int W>
DIGITNET_INLINE Passing<W> passing(const SingleGradient& s, int64_t row,
                                   int64_t column, int64_t first,
                                   typename Lanes<W>::I valid) {
  typedef typename Lanes<W>::F V;
  typedef typename Lanes<W>::I N;
  const V zero{};
  V g = load<W>(s.g + row * s.g_line + column * s.outputs + first) * s.scale;
  N live = valid;
  if (s.y) {
    live &= load<W>(s.y + row * s.y_line + column * s.outputs + first) != zero;
  }
  return {
      live ? g : zero,
      load_bytes<W>(s.argmax + (row * s.width + column) * s.outputs + first)};
}

// Taps [FIRST, FIRST + COUNT) of W channels.
template <int W, int K, int FIRST, int COUNT>
DIGITNET_INLINE void single_taps(const SingleGradient& s, int64_t first,
                                 int64_t quad_row) {
  typename Lanes<W>::F acc[COUNT], bias{};
  typename Lanes<W>::I valid;
  for (int i = 0; i < W; ++i) valid[i] = first + i < s.outputs ? -1 : 0;
  const int64_t padded_outputs = padded(s.outputs);
#pragma GCC unroll 32
  for (int t = 0; t < COUNT; ++t)
    acc[t] = load<W>(s.gradient + (FIRST + t) * padded_outputs + first);
  for (int64_t row = 0; row < s.height; ++row) {
    for (int64_t column = 0; column < s.width; ++column) {
      const Passing<W> pixel = passing<W>(s, row, column, first, valid);
      const float* quads = s.scratch + 4 * (2 * row * quad_row + 2 * column);
      if (FIRST == 0) bias += pixel.g;
#pragma GCC unroll 32
      for (int t = 0; t < COUNT; ++t) {
        const int tap = FIRST + t;
        acc[t] +=
            pixel.g *
            picked<W>(quads + 4 * (tap / K * quad_row + tap % K), pixel.where);
      }
    }
  }
#pragma GCC unroll 32
  for (int t = 0; t < COUNT; ++t)
    store<W>(s.gradient + (FIRST + t) * padded_outputs + first, acc[t]);
  if (FIRST == 0) store<W>(s.bias + first, load<W>(s.bias + first) + bias);
}

template <int W, int K>
DIGITNET_APART void single_block(const SingleGradient& s, int64_t first,
                                 int64_t quad_row) {
  if constexpr (K == 3) {
    single_taps<W, 3, 0, 9>(s, first, quad_row);
  } else if constexpr (kRegisters >= 24) {
    single_taps<W, 5, 0, 25>(s, first, quad_row);
  } else {
    single_taps<W, 5, 0, 9>(s, first, quad_row);
    single_taps<W, 5, 9, 8>(s, first, quad_row);
    single_taps<W, 5, 17, 8>(s, first, quad_row);
  }
}

template <int K>
void single_gradient_of(const SingleGradient& s) {
  const int64_t rows = 2 * s.height + K - 2, columns = 2 * s.width + K - 2;
  for (int64_t i = 0; i < rows; ++i) {
    const float* x = s.x + i * s.x_row;
    float* quad = s.scratch + 4 * i * columns;
    for (int64_t j = 0; j < columns; ++j, quad += 4) {
      quad[0] = x[j];
      quad[1] = x[j + 1];
      quad[2] = x[s.x_row + j];
      quad[3] = x[s.x_row + j + 1];
    }
  }
  const int64_t padded_outputs = padded(s.outputs);
  for (int64_t first = 0; first < padded_outputs;) {
    if (kWide > 8 && padded_outputs - first >= kWide) {
      single_block<kWide, K>(s, first, columns);
      first += kWide;
    } else {
      single_block<kNarrow, K>(s, first, columns);
      first += kNarrow;
    }
  }
}

void single_gradient(const SingleGradient& s) {
  if (s.kernel == 3) return single_gradient_of<3>(s);
  single_gradient_of<5>(s);
}
