// Vectors of W floats. Included once by each instruction set's file, inside a
// namespace of its own: nothing here may come from the standard library's
// templates, whose copies the linker could share with other machines.
// No include guard: the files that include it differ.

#define DIGITNET_INLINE inline __attribute__((always_inline))

template <int W>
struct Lanes {
  typedef float F __attribute__((vector_size(W * 4)));
  typedef int32_t I __attribute__((vector_size(W * 4)));
  typedef uint32_t U __attribute__((vector_size(W * 4)));
  typedef uint8_t Bytes __attribute__((vector_size(W)));
  typedef float Memory
      __attribute__((vector_size(W * 4), aligned(4), may_alias));
};

template <int W>
DIGITNET_INLINE typename Lanes<W>::F load(const float* p) {
  return *reinterpret_cast<const typename Lanes<W>::Memory*>(p);
}

template <int W>
DIGITNET_INLINE void store(float* p, typename Lanes<W>::F v) {
  *reinterpret_cast<typename Lanes<W>::Memory*>(p) = v;
}

// The first `count` lanes, count <= W.
template <int W>
DIGITNET_INLINE void store_first(float* p, typename Lanes<W>::F v,
                                 int64_t count) {
  if (count >= W) return store<W>(p, v);
  for (int64_t i = 0; i < count; ++i) p[i] = v[i];
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
