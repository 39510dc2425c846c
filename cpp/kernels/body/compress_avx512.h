// What compress.h does, by compressing vectors: to a register, then stored
// whole (compressing into memory is slow on some machines).

// 16 neighbouring gradients of a row.
struct Sixteen {
  __mmask16 inside, live;
  __m512 g;
  __m512i positions;
};

DIGITNET_INLINE Sixteen sixteen(const PooledRow& r, int64_t first,
                                int64_t left) {
  Sixteen s;
  s.inside = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
  s.g = _mm512_mul_ps(_mm512_maskz_loadu_ps(s.inside, r.g + first),
                      _mm512_set1_ps(r.scale));
  s.live = _mm512_cmp_ps_mask(s.g, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  if (r.y) {
    s.live = _mm512_mask_cmp_ps_mask(
        s.live, _mm512_maskz_loadu_ps(s.inside, r.y + first),
        _mm512_setzero_ps(), _CMP_NEQ_UQ);
  }
  s.positions =
      _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(s.inside, r.argmax + first));
  return s;
}

DIGITNET_INLINE __m512i window_offsets(const PooledRow& r, __m512i positions) {
  const __m512i table = _mm512_castsi128_si512(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(r.offsets)));
  return _mm512_permutexvar_epi32(positions, table);
}

// Only by channel: the row is one run of elements, and only those that live
// are looked at one by one.
void compress_by_channel(const PooledRow& r) {
  const int64_t count = r.width * r.channels;
  alignas(64) int32_t elements[16], offsets[16];
  alignas(64) float factors[16];
  const __m512i lanes =
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  // The element's pixel and channel follow by counting along.
  int64_t pixel_start = 0;
  int32_t shift = 0;
  for (int64_t first = 0; first < count; first += 16) {
    const Sixteen s = sixteen(r, first, count - first);
    _mm512_store_si512(elements, _mm512_maskz_compress_epi32(s.live, lanes));
    _mm512_store_si512(offsets, _mm512_maskz_compress_epi32(
                                    s.live, window_offsets(r, s.positions)));
    _mm512_store_ps(factors, _mm512_maskz_compress_ps(s.live, s.g));
    const int alive = __builtin_popcount(s.live);
    for (int t = 0; t < alive; ++t) {
      const int64_t element = first + elements[t];
      while (element - pixel_start >= r.channels) {
        pixel_start += r.channels;
        shift += r.step;
      }
      const int64_t channel = element - pixel_start;
      const int64_t slot = channel * r.channel_capacity + r.counts[channel]++;
      r.by_channel.offsets[slot] = offsets[t] + shift;
      r.by_channel.factors[slot] = factors[t];
    }
  }
}

// Channels [first, ...) of a pixel by channel, a vector's worth.
DIGITNET_INLINE void append_channels(const PooledRow& r, const Sixteen& s,
                                     int64_t first, int32_t shift) {
  alignas(64) float gradients[16];
  alignas(64) int32_t offsets[16];
  _mm512_store_ps(gradients, s.g);
  _mm512_store_si512(offsets, _mm512_add_epi32(window_offsets(r, s.positions),
                                               _mm512_set1_epi32(shift)));
  const int64_t left = r.channels - first;
  const int64_t count = left < 16 ? left : 16;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t slot = (first + i) * r.channel_capacity + r.counts[first + i];
    r.by_channel.offsets[slot] = offsets[i];
    r.by_channel.factors[slot] = gradients[i];
  }
  const __m512i counts = _mm512_maskz_loadu_epi32(s.inside, r.counts + first);
  _mm512_mask_storeu_epi32(
      r.counts + first, s.inside,
      _mm512_mask_add_epi32(counts, s.live, counts, _mm512_set1_epi32(1)));
}

void compress_nonzeros(const PooledRow& r) {
  if (!r.by_position.offsets) return compress_by_channel(r);
  const __m512i lanes =
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i unit = _mm512_set1_epi32(static_cast<int32_t>(r.channel_step));
  for (int64_t pixel = 0; pixel < r.width; ++pixel) {
    int32_t* at = r.position_counts + pixel * 4;
    for (int p = 0; p < 4; ++p) at[p] = 0;
    for (int64_t first = 0; first < r.channels; first += 16) {
      const Sixteen s =
          sixteen(r, pixel * r.channels + first, r.channels - first);
      if (r.by_channel.offsets)
        append_channels(r, s, first, static_cast<int32_t>(pixel) * r.step);
      const __m512i channels = _mm512_mullo_epi32(
          _mm512_add_epi32(lanes,
                           _mm512_set1_epi32(static_cast<int32_t>(first))),
          unit);
      for (int p = 0; p < 4; ++p) {
        const __mmask16 here = _mm512_mask_cmpeq_epi32_mask(
            s.live, s.positions, _mm512_set1_epi32(p));
        const int64_t place = (pixel * 4 + p) * r.position_capacity + at[p];
        _mm512_storeu_si512(r.by_position.offsets + place,
                            _mm512_maskz_compress_epi32(here, channels));
        _mm512_storeu_ps(r.by_position.factors + place,
                         _mm512_maskz_compress_ps(here, s.g));
        at[p] += __builtin_popcount(here);
      }
    }
  }
}
