// Randomness as a function: the same (seed, stream, indices) give the same
// draws whatever was drawn before, on any thread. Source: Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace digitnet {

// Philox's multipliers and the steps of its key from round to round.
constexpr uint32_t kPhiloxLeft = 0xD2511F53, kPhiloxRight = 0xCD9E8D57;
constexpr uint32_t kPhiloxKeyStep0 = 0x9E3779B9, kPhiloxKeyStep1 = 0xBB67AE85;
constexpr int kPhiloxRounds = 10;

// One block of Philox4x32-10: 128 random bits from a 128-bit counter and 64-bit
// key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key);

// One stream a purpose, so that no two use the same random numbers. Values are
// part of what "same seed, same result" means: never renumber.
enum class Stream : uint32_t {
  Permutation = 1,
  Weights = 2,
  Split = 3,
  Dropout = 4,
  Patch = 5,  // of MNIST-M
  Maximise = 6,
  Attack = 7,
  Augment = 16,  // + the operation's own number
};

// A sequence of draws addressed by (seed, stream, first, second).
// `first` and `second` are usually epoch and sample, and count modulo 2^32.
class Draws {
 public:
  Draws(uint64_t seed, Stream stream, uint64_t first = 0, uint64_t second = 0);
  Draws(uint64_t seed, uint32_t stream, uint64_t first, uint64_t second);

  uint32_t bits();
  double uniform();                         // [0, 1), 32 bits
  double uniform(double low, double high);  // [low, high)
  uint64_t below(uint64_t n);               // [0, n), n > 0
  // What so many calls of uniform(low, high) give, rounded; many at a time.
  void fill(float* values, int64_t count, double low, double high);

  // Philox's key and counter, for kernels that draw planes; word 0 counts the
  // blocks drawn here.
  const std::array<uint32_t, 2>& key() const { return key_; }
  const std::array<uint32_t, 4>& counter() const { return counter_; }

 private:
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> block_;
  int used_ = 4;
};

// 0 .. n-1 in an order that depends on the draws alone (Fisher and Yates).
std::vector<int64_t> permutation(int64_t n, Draws draws);

}  // namespace digitnet
