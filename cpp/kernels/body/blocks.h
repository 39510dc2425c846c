// How many vectors and pixels a register block has, by instruction set. A block
// is two groups of `pixels` times `vectors` accumulators, beside the weights of
// one term and a broadcast; of 32 registers (AVX-512) or 16:
//
//   lanes left   AVX-512               AVX2                 plain (SSE2)
//     >= 32      2 x 16 lanes, 2 x 6   2 x 8 lanes, 2 x 3   2 x 4 lanes, 2 x 2
//        24      3 x 8 lanes,  2 x 4   3 x 8 lanes, 2 x 2     the same
//     >= 16      2 x 8 lanes,  2 x 6   2 x 8 lanes, 2 x 3     the same
//         8      1 x 8 lanes,  2 x 8   1 x 8 lanes, 2 x 6     the same
//
// Reached on two AVX-512 cores: about 210 GFLOP/s by AVX-512, 85 % of it by
// AVX2, 58 to 70 by SSE2.

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
