// How many vectors and pixels a register block has, by instruction set.

template <int W, int NV, int PX>
struct BlockShape {
  static constexpr int kWidth = W, kVectors = NV, kPixels = PX;
};

// Calls f with the shape for the next lanes of `left` (a multiple of 8) and
// returns how many lanes it takes.
template <class F>
DIGITNET_INLINE int64_t with_block(int64_t left, const F& f) {
#if defined(__AVX512F__)
  if (left >= 32) return f(BlockShape<16, 2, 6>()), 32;
  if (left >= 24) return f(BlockShape<8, 3, 4>()), 24;
  if (left >= 16) return f(BlockShape<8, 2, 6>()), 16;
  return f(BlockShape<8, 1, 8>()), 8;
#elif defined(__AVX2__)
  if (left >= 16 && left != 24) return f(BlockShape<8, 2, 3>()), 16;
  if (left >= 24) return f(BlockShape<8, 3, 2>()), 24;
  return f(BlockShape<8, 1, 6>()), 8;
#else
  return (void)left, f(BlockShape<4, 2, 2>()), 8;
#endif
}

// Registers that a sum may fill, and the usual vector.
#if defined(__AVX512F__)
constexpr int kRegisters = 27;
constexpr int kWide = 16;
#elif defined(__AVX2__)
constexpr int kRegisters = 12;
constexpr int kWide = 8;
#else
constexpr int kRegisters = 12;
constexpr int kWide = 4;
#endif
// For counts that are multiples of 8 alone.
constexpr int kNarrow = kWide < 8 ? kWide : 8;

template <int W>
struct Width {
  static constexpr int kWidth = W;
};
