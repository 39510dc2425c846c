// Bilinear resampling of bytes. The four pixels around a place are one 32-bit
// word of a table with a border of zeros, so that one gather reads them all.

// Word (i, j) holds pixels (i-1, j-1), (i-1, j), (i, j-1), (i, j), lowest byte
// first; what lies outside is 0.
void quads(const uint8_t* plane, int64_t height, int64_t width,
           uint32_t* __restrict to) {
  const int64_t row = quads_row(width), count = (height + 2) * row;
  // The plane with a border of zeros, behind the table. Its rows are as long as
  // the table's: one run makes all words, one a row of which nobody reads.
  auto* bytes = reinterpret_cast<uint8_t*>(to + count);
  __builtin_memset(bytes, 0, (height + 3) * row + 1);
  for (int64_t i = 0; i < height; ++i)
    __builtin_memcpy(bytes + (i + 1) * row + 1, plane + i * width, width);
  const uint8_t* below = bytes + row;
  for (int64_t k = 0; k < count; ++k) {
    to[k] = static_cast<uint32_t>(bytes[k]) |
            static_cast<uint32_t>(bytes[k + 1]) << 8 |
            static_cast<uint32_t>(below[k]) << 16 |
            static_cast<uint32_t>(below[k + 1]) << 24;
  }
}

DIGITNET_INLINE U gathered(const uint32_t* table, I index) {
#if defined(__AVX512F__)
  return (U)_mm512_i32gather_epi32((__m512i)index, table, 4);
#elif defined(__AVX2__)
  return (U)_mm256_i32gather_epi32(reinterpret_cast<const int*>(table),
                                   (__m256i)index, 4);
#else
  U result;
  for (int lane = 0; lane < kWide; ++lane) result[lane] = table[index[lane]];
  return result;
#endif
}

DIGITNET_INLINE F byte_of(U word, int shift) {
  return __builtin_convertvector((I)((word >> shift) & 255u), F);
}

// a > b ? a : b and a < b ? a : b, each one instruction that GCC 12 does not
// find.
DIGITNET_INLINE F larger(F a, F b) {
#if defined(__AVX512F__)
  return (F)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return a > b ? a : b;
#endif
}
DIGITNET_INLINE F smaller(F a, F b) {
#if defined(__AVX512F__)
  return (F)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return a < b ? a : b;
#endif
}

// `place` + 1 within [0, size + 1]: further out there are only zeros.
DIGITNET_INLINE F held(F place, float size) {
  return smaller(larger(place + 1.0f, F{}), all<kWide>(size + 1));
}

void resample(const Resample& r) {
  F lanes;
  for (int i = 0; i < kWide; ++i) lanes[i] = static_cast<float>(i);
  const auto width = static_cast<float>(r.width);
  const auto height = static_cast<float>(r.height);
  const auto row = static_cast<int32_t>(quads_row(r.width));
  for (int64_t line = 0; line < r.height; ++line) {
    const auto v = static_cast<float>(line);
    const float from_x = r.xy * v + r.dx, from_y = r.yy * v + r.dy;
    float* out = r.out + line * r.width;
    for (int64_t column = 0; column < r.width; column += kWide) {
      const F u = lanes + static_cast<float>(column);
      const F x = held(u * r.xx + from_x, width);
      const F y = held(u * r.yx + from_y, height);
      const I left = __builtin_convertvector(x, I);
      const I top = __builtin_convertvector(y, I);
      const F across = x - __builtin_convertvector(left, F);
      const F down = y - __builtin_convertvector(top, F);
      const U word = gathered(r.quads, top * row + left);
      const F a = byte_of(word, 0), b = byte_of(word, 8);
      const F c = byte_of(word, 16), d = byte_of(word, 24);
      const F above = a + (b - a) * across;
      const F below = c + (d - c) * across;
      store_first<kWide>(out + column,
                         (above + (below - above) * down) * r.scale + r.shift,
                         r.width - column);
    }
  }
}
