#include "core/random.h"

#include <gtest/gtest.h>

#include <set>

namespace digitnet {
namespace {

using Block = std::array<uint32_t, 4>;

// Test vectors of the authors' library, Random123.
TEST(Philox, GivesThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draws, AreAFunctionOfTheirAddress) {
  const auto first = [](uint64_t seed, Stream stream, uint64_t a, uint64_t b) {
    return Draws(seed, stream, a, b).bits();
  };
  const uint32_t one = first(7, Stream::Split, 1, 2);
  EXPECT_EQ(one, first(7, Stream::Split, 1, 2));
  EXPECT_NE(one, first(8, Stream::Split, 1, 2));
  EXPECT_NE(one, first(7, Stream::Weights, 1, 2));
  EXPECT_NE(one, first(7, Stream::Split, 2, 2));
  EXPECT_NE(one, first(7, Stream::Split, 1, 3));
}

TEST(Draws, AreUniform) {
  Draws draws(3, Stream::Weights);
  double sum = 0, squares = 0;
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) {
    const double value = draws.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 0.005);
  EXPECT_NEAR(squares / kCount, 1.0 / 3, 0.005);
}

TEST(Draws, AreTheSameOneByOneAndManyAtATime) {
  for (int64_t before : {0, 1, 3, 4}) {
    for (int64_t count : {0, 1, 2, 5, 8, 31}) {
      Draws one(7, Stream::Weights, 2), many(7, Stream::Weights, 2);
      for (int64_t i = 0; i < before; ++i) {
        one.bits();
        many.bits();
      }
      std::vector<float> values(count);
      many.fill(values.data(), count, -0.5, 2);
      for (float value : values)
        EXPECT_EQ(value, static_cast<float>(one.uniform(-0.5, 2)));
      EXPECT_EQ(one.bits(), many.bits());
    }
  }
}

TEST(Permutation, ContainsEveryNumberOnce) {
  for (int64_t n : {0, 1, 2, 100}) {
    const auto order = permutation(n, Draws(1, Stream::Permutation));
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), n);
    for (int64_t i : order) EXPECT_TRUE(i >= 0 && i < n);
  }
}

TEST(Permutation, PutsEveryNumberInEveryPlaceAlike) {
  std::array<int, 4> first{};
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    ++first[permutation(4, Draws(seed, Stream::Permutation))[0]];
  }
  for (int count : first) EXPECT_NEAR(count, 1000, 120);
}

}  // namespace
}  // namespace digitnet
