// Stages of Winograd's convolution and of its gradients: between maps, cut into
// tiles, and their values at the points. The products at each point, between
// the stages, are those of a dense layer. A vector is one value of a tile for
// neighbouring channels, so a transform is the same few additions in every
// lane, and a tile's T x T vectors stay in registers or the first cache.

// f(tile, image, row, column) for each tile; the place is its first output's.
template <int M, class F>
DIGITNET_INLINE void each_tile(const Tiles& t, const F& f) {
  const int64_t across = (t.width + M - 1) / M, down = (t.height + M - 1) / M;
  int64_t column = t.first % across, row = t.first / across % down;
  int64_t image = t.first / across / down;
  for (int64_t tile = 0; tile < t.count; ++tile) {
    f(tile, image, row * M, column * M);
    if (++column < across) continue;
    column = 0;
    if (++row < down) continue;
    row = 0;
    ++image;
  }
}

// N x N pixels; those beyond `rows` and `columns` are not read but 0.
template <int W, int N>
DIGITNET_INLINE void load_square(const float* from, const Tiles& t,
                                 int64_t rows, int64_t columns,
                                 typename Lanes<W>::F (&to)[N][N]) {
  const bool whole = rows >= N && columns >= N;
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      to[i][j] = whole || (i < rows && j < columns)
                     ? load<W>(from + i * t.line + j * t.pixel)
                     : typename Lanes<W>::F{};
    }
  }
}

// A tile's values at the points, T x T vectors.
template <int W, int T>
DIGITNET_INLINE void load_points(const Tiles& t, int64_t at,
                                 typename Lanes<W>::F (&to)[T][T]) {
#pragma GCC unroll 8
  for (int i = 0; i < T; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < T; ++j)
      to[i][j] = load<W>(t.points + (i * T + j) * t.plane + at);
  }
}

template <int W, int T>
DIGITNET_INLINE void store_points(const Tiles& t, int64_t at, int64_t valid,
                                  const typename Lanes<W>::F (&from)[T][T]) {
#pragma GCC unroll 8
  for (int i = 0; i < T; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < T; ++j)
      store_first<W>(t.points + (i * T + j) * t.plane + at, from[i][j], valid);
  }
}

// f(filtering, lanes) with the types that fit.
template <class F>
DIGITNET_INLINE void with_filtering(int64_t kernel, int64_t side,
                                    int64_t channels, const F& f) {
  const auto lanes = [&](auto filtering) {
    if (channels % kWide == 0) {
      f(filtering, Width<kWide>());
    } else {
      f(filtering, Width<kNarrow>());
    }
  };
  if (kernel == 5) return lanes(Filtering<2, 5>());
  if (side == 4) return lanes(Filtering<4, 3>());
  lanes(Filtering<2, 3>());
}

// N x N pixels of each tile by TABLE to the points: windows, which reach beyond
// their outputs, or the outputs themselves.
template <class K, int W, auto& TABLE, int N>
void tiles_to_points(const Tiles& t) {
  constexpr int64_t kBeyond = N - K::kSide;
  const int64_t end_row = t.height + kBeyond - t.zero_rows;
  const int64_t end_column = t.width + kBeyond - t.zero_columns;
  each_tile<K::kSide>(t, [&](int64_t tile, int64_t n, int64_t y, int64_t x) {
    const float* from = t.map + n * t.image + y * t.line + x * t.pixel;
    for (int64_t c = 0; c < t.channels; c += W) {
      typename Lanes<W>::F in[N][N], out[K::T][K::T];
      load_square<W>(from + c, t, end_row - y, end_column - x, in);
      analyse_square<W, TABLE>(in, out);
      store_points<W>(t, tile * t.channels + c, t.channels - c, out);
    }
  });
}

template <class K, int W>
void tiles_scatter(const Tiles& t) {
  each_tile<K::kSide>(t, [&](int64_t tile, int64_t n, int64_t y, int64_t x) {
    float* to = t.map + n * t.image + y * t.line + x * t.pixel;
    const int64_t rows = t.height + K::kTaps - 1 - t.zero_rows - y;
    const int64_t columns = t.width + K::kTaps - 1 - t.zero_columns - x;
    for (int64_t c = 0; c < t.channels; c += W) {
      typename Lanes<W>::F in[K::T][K::T], out[K::T][K::T];
      load_points<W>(t, tile * t.channels + c, in);
      synthesise_square<W, K::kInput>(in, out);
      const bool whole = rows >= K::T && columns >= K::T;
#pragma GCC unroll 8
      for (int i = 0; i < K::T; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < K::T; ++j) {
          if (!whole && (i >= rows || j >= columns)) continue;
          float* pixel = to + i * t.line + j * t.pixel + c;
          store_first<W>(pixel,
                         load_first<W>(pixel, t.channels - c) + out[i][j],
                         t.channels - c);
        }
      }
    }
  });
}

template <class K, int W>
void tiles_output(const Tiles& t) {
  constexpr int M = K::kSide;
  typedef typename Lanes<W>::F V;
  each_tile<M>(t, [&](int64_t tile, int64_t n, int64_t row, int64_t column) {
    const int64_t rows = t.height - row, columns = t.width - column;
    for (int64_t c = 0; c < t.channels; c += W) {
      V in[K::T][K::T], y[M][M];
      load_points<W>(t, tile * t.channels + c, in);
      synthesise_square<W, K::kOutput>(in, y);
      const V bias = t.bias ? load<W>(t.bias + c) : V{};
      float* to = t.map + n * t.image + c;
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i) {
#pragma GCC unroll 4
        for (int j = 0; j < M; ++j) {
          y[i][j] += bias;
          if (t.argmax || i >= rows || j >= columns) continue;
          const V pixel[1] = {y[i][j]};
          store_pixel<W, 1>(to + (row + i) * t.line + (column + j) * t.pixel,
                            pixel, t.valid - c, t.relu);
        }
      }
      // A tile's side is even: it holds whole windows of the pool.
      if (!t.argmax) continue;
#pragma GCC unroll 2
      for (int i = 0; i < M; i += 2) {
#pragma GCC unroll 2
        for (int j = 0; j < M; j += 2) {
          if (i + 1 >= rows || j + 1 >= columns) continue;
          const int64_t down = (row + i) / 2, across = (column + j) / 2;
          const V a[1] = {y[i][j]}, b[1] = {y[i][j + 1]};
          const V d[1] = {y[i + 1][j]}, e[1] = {y[i + 1][j + 1]};
          uint8_t* where = t.argmax + n * t.argmax_image +
                           (down * (t.width / 2) + across) * t.argmax_pixel + c;
          store_pooled<W, 1>(a, b, d, e, to + down * t.line + across * t.pixel,
                             where, t.valid - c, t.relu);
        }
      }
    }
  });
}

void winograd_input(const Tiles& t) {
  with_filtering(t.kernel, t.side, t.channels, [&](auto filtering, auto lanes) {
    typedef decltype(filtering) K;
    tiles_to_points<K, lanes.kWidth, K::kInput, K::T>(t);
  });
}

void winograd_gradient(const Tiles& t) {
  with_filtering(t.kernel, t.side, t.channels, [&](auto filtering, auto lanes) {
    typedef decltype(filtering) K;
    tiles_to_points<K, lanes.kWidth, K::kOutput, K::kSide>(t);
  });
}

void winograd_scatter(const Tiles& t) {
  with_filtering(t.kernel, t.side, t.channels, [&](auto filtering, auto lanes) {
    tiles_scatter<decltype(filtering), lanes.kWidth>(t);
  });
}

void winograd_output(const Tiles& t) {
  with_filtering(t.kernel, t.side, t.channels, [&](auto filtering, auto lanes) {
    tiles_output<decltype(filtering), lanes.kWidth>(t);
  });
}

// f(taps, points, offsets) for every vector of a panel: where the taps of one
// input lie in plain and in transformed weights. Offsets are those of the taps;
// of one that is not there -1. To choose between addresses, not between values,
// keeps branches, and with them other roundings, out of the sums.
template <int R, int W, class F>
DIGITNET_INLINE void each_taps(const PointWeights& w, const F& f) {
  const int64_t width = panel_width(w.outputs, w.panel);
  const int64_t plain = w.panel * kPanel * w.window * w.window * w.inputs;
  const int64_t transformed = w.panel * kPanel * w.inputs;
  int64_t offsets[R * R];
  for (int64_t i = 0; i < R * R; ++i) {
    const int64_t row = w.row + i / R * w.step;
    const int64_t column = w.column + i % R * w.step;
    const bool inside = row < w.window && column < w.window;
    offsets[i] = inside ? (row * w.window + column) * w.inputs * width : -1;
  }
  for (int64_t input = 0; input < w.inputs; ++input) {
    for (int64_t lane = 0; lane < width; lane += W) {
      const int64_t at = input * width + lane;
      f(w.weights + plain + at, w.points + transformed + at, offsets);
    }
  }
}

template <class K, int W>
void points_of_weights(const PointWeights& w) {
  typedef typename Lanes<W>::F V;
  constexpr int R = K::kTaps, T = K::T;
  each_taps<R, W>(w, [&](const float* taps, float* points,
                         const int64_t(&offsets)[R * R]) {
    V in[R][R], out[T][T];
    for (int i = 0; i < R * R; ++i)
      in[i / R][i % R] = load<W>(offsets[i] < 0 ? kZeros : taps + offsets[i]);
    analyse_square<W, K::kWeights>(in, out);
    for (int i = 0; i < T * T; ++i)
      store<W>(points + i * w.plane, out[i / T][i % T]);
  });
}

template <class K, int W>
void weights_of_points(const PointWeights& w) {
  typedef typename Lanes<W>::F V;
  constexpr int R = K::kTaps, T = K::T;
  each_taps<R, W>(w, [&](float* taps, const float* points,
                         const int64_t(&offsets)[R * R]) {
    V in[T][T], out[R][R];
    float dropped[W];
    for (int i = 0; i < T * T; ++i)
      in[i / T][i % T] = load<W>(points + i * w.plane);
    synthesise_square<W, K::kWeights>(in, out);
    for (int i = 0; i < R * R; ++i)
      store<W>(offsets[i] < 0 ? dropped : taps + offsets[i], out[i / R][i % R]);
  });
}

void winograd_weights(const PointWeights& w) {
  with_filtering(w.kernel, w.side, panel_width(w.outputs, w.panel),
                 [&](auto filtering, auto lanes) {
                   points_of_weights<decltype(filtering), lanes.kWidth>(w);
                 });
}

void winograd_weight_gradient(const PointWeights& w) {
  with_filtering(w.kernel, w.side, panel_width(w.outputs, w.panel),
                 [&](auto filtering, auto lanes) {
                   weights_of_points<decltype(filtering), lanes.kWidth>(w);
                 });
}
