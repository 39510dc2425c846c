// Sums of a few scaled rows: what sparse gradients are made of. A list is short
// and its rows lie anywhere, so the target stays in registers and each term
// costs one broadcast and its loads. How many rows and vectors that are is a
// template's parameter: an array of registers cannot be indexed at run time.

// f(row, vector, values) for R rows of NV vectors, `step` apart.
template <int W, int R, int NV, class F>
DIGITNET_INLINE void row_vectors(const float* from, int64_t step, const F& f) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int n = 0; n < NV; ++n) f(r, n, load<W>(from + n * W));
    if (r + 1 < R) from = apart(from + step);
  }
}

template <int W, int R, int NV>
DIGITNET_INLINE void gather_block(const Gather& c, const int32_t* offsets,
                                  const float* factors, int64_t count,
                                  const float* source, float* target) {
  typedef typename Lanes<W>::F V;
  V acc[R][NV];
  row_vectors<W, R, NV>(target, c.target_row,
                        [&](int r, int n, V value) { acc[r][n] = value; });
  for (int64_t t = 0; t < count; ++t) {
    const float factor = factors[t];
    row_vectors<W, R, NV>(
        apart(source + offsets[t]), c.source_row,
        [&](int r, int n, V value) { acc[r][n] += factor * value; });
  }
  float* row = target;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int n = 0; n < NV; ++n) store<W>(row + n * W, acc[r][n]);
    row = apart(row + c.target_row);
  }
}

// R rows of NV vectors at once.
template <int W, int R, int NV>
DIGITNET_APART void gather_rows(const Gather& c) {
  for (int64_t sum = 0; sum < c.sums; ++sum) {
    const int64_t count = c.counts[sum * c.counts_step];
    if (count == 0) continue;
    for (int64_t row = 0; row < c.rows; row += R) {
      gather_block<W, R, NV>(
          c, c.terms.offsets + sum * c.terms_step,
          c.terms.factors + sum * c.terms_step, count,
          c.source + row * c.source_row,
          c.target + sum * c.target_step + row * c.target_row);
    }
  }
}

// All R rows at once if they fit into the registers, else one after the other.
template <int W, int R, int NV>
void gather_few(const Gather& c) {
  if constexpr (R * NV <= kRegisters) {
    gather_rows<W, R, NV>(c);
  } else {
    gather_rows<W, 1, NV>(c);
  }
}

template <int W, int NV>
void gather_vectors(const Gather& c) {
  if (c.rows == 6) return gather_few<W, 6, NV>(c);
  if (c.rows == 5) return gather_few<W, 5, NV>(c);
  if (c.rows == 4) return gather_few<W, 4, NV>(c);
  if (c.rows == 3) return gather_few<W, 3, NV>(c);
  if (c.rows == 2) return gather_few<W, 2, NV>(c);
  gather_rows<W, 1, NV>(c);
}

template <int W>
void gather_run(const Gather& c) {
  const int64_t vectors = (c.run + W - 1) / W;
  switch (vectors) {
    case 1:
      return gather_vectors<W, 1>(c);
    case 2:
      return gather_vectors<W, 2>(c);
    case 3:
      return gather_vectors<W, 3>(c);
    case 4:
      return gather_vectors<W, 4>(c);
    case 5:
      return gather_vectors<W, 5>(c);
    case 6:
      return gather_vectors<W, 6>(c);
    case 8:
      return gather_vectors<W, 8>(c);
    case 10:
      return gather_vectors<W, 10>(c);
    case 12:
      return gather_vectors<W, 12>(c);
    default:
      break;
  }
  // In parts of at most twelve vectors.
  Gather part = c;
  part.run = (vectors > 12 ? 12 : vectors - 1) * W;
  gather_run<W>(part);
  part.source += part.run;
  part.target += part.run;
  part.run = c.run - part.run;
  gather_run<W>(part);
}

void gather(const Gather& c) {
  // A short run in half a vector leaves fewer lanes idle.
#if defined(__AVX512F__)
  if (c.run <= 8) return gather_run<8>(c);
#endif
  gather_run<kWide>(c);
}
