// Vectors of W floats. Included once by each instruction set's file, inside a
// namespace of its own: nothing here may come from the standard library's
// templates, whose copies the linker could share with other machines.
// No include guard: the files that include it differ.

#define DIGITNET_INLINE inline __attribute__((always_inline))
// For functions that need all registers for themselves; with 32 of them there
// are enough.
#if defined(__AVX512F__)
#define DIGITNET_APART
#else
#define DIGITNET_APART __attribute__((noinline))
#endif

template <int W>
struct Lanes {
  typedef float F __attribute__((vector_size(W * 4)));
  typedef int32_t I __attribute__((vector_size(W * 4)));
  typedef uint32_t U __attribute__((vector_size(W * 4)));
  typedef uint8_t Bytes __attribute__((vector_size(W)));
  typedef float Memory
      __attribute__((vector_size(W * 4), aligned(4), may_alias));
};

// The same pointer, whose origin the compiler does not see: else it keeps each
// sum of strides in a register of its own until there are none left.
template <class T>
DIGITNET_INLINE T* apart(T* p) {
  __asm__("" : "+r"(p));
  return p;
}

template <int W>
DIGITNET_INLINE typename Lanes<W>::F load(const float* p) {
  return *reinterpret_cast<const typename Lanes<W>::Memory*>(p);
}

// The same where only the first `count` lanes are used, what lies behind them
// may be another thread's, and a whole vector may be read. A thread sanitizer
// sees just what is used.
template <int W>
DIGITNET_INLINE typename Lanes<W>::F load_first(const float* p, int64_t count) {
#if defined(__SANITIZE_THREAD__)
  typename Lanes<W>::F v{};
  for (int64_t i = 0; i < W && i < count; ++i) v[i] = p[i];
  return v;
#else
  (void)count;
  return load<W>(p);
#endif
}

template <int W>
DIGITNET_INLINE void store(float* p, typename Lanes<W>::F v) {
  *reinterpret_cast<typename Lanes<W>::Memory*>(p) = v;
}

// The first `count` lanes, 0 < count.
template <int W>
DIGITNET_INLINE void store_first(float* p, typename Lanes<W>::F v,
                                 int64_t count) {
  if (count >= W) return store<W>(p, v);
#if defined(__AVX512F__)
  const auto lanes = static_cast<uint16_t>((1u << count) - 1);
  if constexpr (W == 16) {
    _mm512_mask_storeu_ps(p, lanes, (__m512)v);
  } else {
    _mm256_mask_storeu_ps(p, static_cast<uint8_t>(lanes), (__m256)v);
  }
#else
  float lanes[W];
  store<W>(lanes, v);
  __builtin_memcpy(p, lanes, count * sizeof(float));
#endif
}

// The same for bytes.
template <int W>
DIGITNET_INLINE void store_bytes(uint8_t* p, typename Lanes<W>::Bytes v,
                                 int64_t count) {
  if (count >= W) {
    __builtin_memcpy(p, &v, W);
    return;
  }
#if defined(__AVX512F__)
  __m128i wide = _mm_setzero_si128();
  __builtin_memcpy(&wide, &v, W);
  _mm_mask_storeu_epi8(p, static_cast<uint16_t>((1u << count) - 1), wide);
#else
  __builtin_memcpy(p, &v, count);
#endif
}

// W bytes, each in a lane of its own. By name: GCC 12 would take them apart one
// by one.
template <int W>
DIGITNET_INLINE typename Lanes<W>::I load_bytes(const uint8_t* p) {
#if defined(__AVX512F__)
  if constexpr (W == 16) {
    return (typename Lanes<W>::I)_mm512_cvtepu8_epi32(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
#endif
#if defined(__AVX2__)
  if constexpr (W == 8) {
    return (typename Lanes<W>::I)_mm256_cvtepu8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
#endif
  typename Lanes<W>::Bytes bytes;
  __builtin_memcpy(&bytes, p, W);
  return __builtin_convertvector(bytes, typename Lanes<W>::I);
}

template <int W>
DIGITNET_INLINE typename Lanes<W>::F all(float value) {
  return value - typename Lanes<W>::F{};
}

// max(0, x) that lets NaN through.
template <int W>
DIGITNET_INLINE typename Lanes<W>::F relu_of(typename Lanes<W>::F x) {
  const typename Lanes<W>::F zero{};
  return zero > x ? zero : x;
}
