// Planes of random numbers, drawn by a counter: Philox4x32-10 as in
// core/random.h. Loops are written for the compiler's own vectors.

// Blocks of one turn.
constexpr int64_t kBlocks = 64;

// Words of blocks first .. first + kBlocks - 1: word w of block j is
// words[w][j].
DIGITNET_INLINE void philox(const Random& r, uint32_t first,
                            uint32_t (*__restrict words)[kBlocks]) {
  const uint32_t stream = r.stream, epoch = r.epoch, sample = r.sample;
  for (int64_t j = 0; j < kBlocks; ++j) {
    uint32_t a = first + static_cast<uint32_t>(j), b = stream;
    uint32_t c = epoch, d = sample;
    uint32_t key0 = r.key[0], key1 = r.key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const uint64_t left = uint64_t{0xD2511F53u} * a;
      const uint64_t right = uint64_t{0xCD9E8D57u} * c;
      a = static_cast<uint32_t>(right >> 32) ^ b ^ key0;
      b = static_cast<uint32_t>(right);
      c = static_cast<uint32_t>(left >> 32) ^ d ^ key1;
      d = static_cast<uint32_t>(left);
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    words[0][j] = a;
    words[1][j] = b;
    words[2][j] = c;
    words[3][j] = d;
  }
}

// Element w * quarter + j of the plane is made of word w of block j, whatever
// the vectors' width.
template <class Make>
DIGITNET_INLINE void random_plane(const Random& r, Make make) {
  const int64_t quarter = (r.count + 3) / 4;
  uint32_t words[4][kBlocks];
  float values[4][kBlocks];
  for (int64_t first = 0; first < quarter; first += kBlocks) {
    philox(r, r.first_block + static_cast<uint32_t>(first), words);
    make(words, values);
    const int64_t blocks =
        first + kBlocks < quarter ? kBlocks : quarter - first;
    for (int64_t w = 0; w < 4; ++w) {
      const int64_t from = w * quarter + first;
      const int64_t left = r.count - from;
      const int64_t count = left < blocks ? left : blocks;
      if (count > 0)
        __builtin_memcpy(r.out + from, values[w], count * sizeof(float));
    }
  }
}

// In [-1, 1), 24 bits.
void uniforms(const Random& r) {
  random_plane(r, [](const uint32_t(*words)[kBlocks], float(*out)[kBlocks]) {
    for (int64_t w = 0; w < 4; ++w) {
      for (int64_t j = 0; j < kBlocks; ++j) {
        out[w][j] = static_cast<float>(static_cast<int32_t>(words[w][j]) >> 8) *
                    0x1p-23f;
      }
    }
  });
}

// Natural logarithm of x in (0, 1], to a few units in the last place.
DIGITNET_INLINE float log_of(float x) {
  int32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  const int32_t exponent = (bits - 0x3f3504f3) >> 23;  // of sqrt(1/2)
  bits -= exponent << 23;
  float m;  // [sqrt(1/2), sqrt(2))
  __builtin_memcpy(&m, &bits, 4);
  const float s = (m - 1) / (m + 1), s2 = s * s;
  const float series =
      2 * s * (1 + s2 * (1 / 3.f + s2 * (1 / 5.f + s2 * (1 / 7.f + s2 / 9.f))));
  return static_cast<float>(exponent) * 0.69314718f + series;
}

// sin(2 pi turns) for turns in [-3/4, 3/4).
DIGITNET_INLINE float sine_of(float turns) {
  const float wrapped = turns > 0.5f    ? turns - 1
                        : turns < -0.5f ? turns + 1
                                        : turns;
  const float near = wrapped > 0.25f    ? 0.5f - wrapped
                     : wrapped < -0.25f ? -0.5f - wrapped
                                        : wrapped;
  const float x = near * 6.2831853f, x2 = x * x;
  return x * (1 + x2 * (-1 / 6.f +
                        x2 * (1 / 120.f +
                              x2 * (-1 / 5040.f +
                                    x2 * (1 / 362880.f - x2 / 39916800.f)))));
}

// Of the standard normal distribution, by Box and Muller: words 0 and 1 of a
// block make two numbers, words 2 and 3 two more.
void normals(const Random& r) {
  random_plane(r, [](const uint32_t(*words)[kBlocks], float(*out)[kBlocks]) {
    for (int64_t pair = 0; pair < 4; pair += 2) {
      for (int64_t j = 0; j < kBlocks; ++j) {
        const float u =
            (static_cast<float>(static_cast<int32_t>(words[pair][j] >> 8)) +
             0.5f) *
            0x1p-24f;
        const float turns =
            static_cast<float>(static_cast<int32_t>(words[pair + 1][j]) >> 8) *
            0x1p-24f;
        const float radius = __builtin_sqrtf(-2 * log_of(u));
        out[pair][j] = radius * sine_of(turns + 0.25f);
        out[pair + 1][j] = radius * sine_of(turns);
      }
    }
  });
}
