#include "core/random.h"

#include <numeric>
#include <utility>

namespace digitnet {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t left = uint64_t{kPhiloxLeft} * counter[0];
    const uint64_t right = uint64_t{kPhiloxRight} * counter[2];
    counter = {static_cast<uint32_t>(right >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(right),
               static_cast<uint32_t>(left >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(left)};
    key[0] += kPhiloxKeyStep0;
    key[1] += kPhiloxKeyStep1;
  }
  return counter;
}

Draws::Draws(uint64_t seed, Stream stream, uint64_t first, uint64_t second)
    : Draws(seed, static_cast<uint32_t>(stream), first, second) {}

Draws::Draws(uint64_t seed, uint32_t stream, uint64_t first, uint64_t second)
    : counter_{0, stream, static_cast<uint32_t>(first),
               static_cast<uint32_t>(second)},
      key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      block_{} {}

uint32_t Draws::bits() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

double Draws::uniform() { return bits() * 0x1p-32; }

double Draws::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

void Draws::fill(float* values, int64_t count, double low, double high) {
  int64_t i = 0;
  for (; i < count && used_ != 4; ++i)
    values[i] = static_cast<float>(uniform(low, high));
  // Whole blocks, which do not wait for each other.
  for (; i + 4 <= count; i += 4) {
    const std::array<uint32_t, 4> block = philox4x32(counter_, key_);
    ++counter_[0];
    for (int word = 0; word < 4; ++word) {
      const double part = block[word] * 0x1p-32;
      values[i + word] = static_cast<float>(low + (high - low) * part);
    }
  }
  for (; i < count; ++i) values[i] = static_cast<float>(uniform(low, high));
}

uint64_t Draws::below(uint64_t n) {
  const uint64_t wide = (uint64_t{bits()} << 32) | bits();
  return static_cast<uint64_t>((static_cast<unsigned __int128>(wide) * n) >>
                               64);
}

std::vector<int64_t> permutation(int64_t n, Draws draws) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t left = n; left > 1; --left) {
    std::swap(order[left - 1], order[draws.below(left)]);
  }
  return order;
}

}  // namespace digitnet
