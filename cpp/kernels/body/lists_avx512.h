// The same as lists.h by compressing vectors: to a register, then stored whole
// (compressing into memory is slow on some machines).

void list_pixel_avx512(PooledPixel& c) {
  int32_t at[4] = {0, 0, 0, 0};
  const __m512i offsets_of = _mm512_castsi128_si512(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(c.offsets)));
  const __m512i lanes =
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i unit = _mm512_set1_epi32(static_cast<int32_t>(c.unit));
  for (int64_t first = 0; first < c.channels; first += 16) {
    const int64_t left = c.channels - first;
    const auto inside =
        static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
    const __m512 g = _mm512_mul_ps(_mm512_maskz_loadu_ps(inside, c.g + first),
                                   _mm512_set1_ps(c.scale));
    __mmask16 live = _mm512_cmp_ps_mask(g, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    if (c.y) {
      live = static_cast<__mmask16>(
          live & _mm512_cmp_ps_mask(_mm512_maskz_loadu_ps(inside, c.y + first),
                                    _mm512_setzero_ps(), _CMP_NEQ_UQ));
    }
    const __m512i positions =
        _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(inside, c.argmax + first));
    const __m512 gradient = _mm512_maskz_mov_ps(live, g);
    _mm512_mask_storeu_ps(
        c.bias + first, inside,
        _mm512_add_ps(_mm512_maskz_loadu_ps(inside, c.bias + first), gradient));
    alignas(64) float gradients[16];
    alignas(64) int32_t offsets[16];
    _mm512_store_ps(gradients, gradient);
    _mm512_store_si512(offsets,
                       _mm512_permutexvar_epi32(positions, offsets_of));
    const int64_t count = left < 16 ? left : 16;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t slot = (first + i) * c.capacity + c.counts[first + i];
      c.by_channel.offsets[slot] = offsets[i];
      c.by_channel.factors[slot] = gradients[i];
    }
    _mm512_mask_storeu_epi32(
        c.counts + first, inside,
        _mm512_mask_add_epi32(
            _mm512_maskz_loadu_epi32(inside, c.counts + first), live,
            _mm512_maskz_loadu_epi32(inside, c.counts + first),
            _mm512_set1_epi32(1)));
    if (!c.by_position[0].offsets) continue;
    const __m512i channels = _mm512_mullo_epi32(
        _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int32_t>(first))),
        unit);
    for (int p = 0; p < 4; ++p) {
      const __mmask16 here =
          _mm512_mask_cmpeq_epi32_mask(live, positions, _mm512_set1_epi32(p));
      _mm512_storeu_si512(c.by_position[p].offsets + at[p],
                          _mm512_maskz_compress_epi32(here, channels));
      _mm512_storeu_ps(c.by_position[p].factors + at[p],
                       _mm512_maskz_compress_ps(here, gradient));
      at[p] += __builtin_popcount(here);
    }
  }
  for (int p = 0; p < 4; ++p) c.position_count[p] = at[p];
}
