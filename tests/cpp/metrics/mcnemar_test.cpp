#include "metrics/mcnemar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace digitnet::metrics {
namespace {

// `both` samples that both models have right, then those that only one has.
McNemar compared(int64_t both, int64_t only_first, int64_t only_second) {
  const int64_t count = both + only_first + only_second;
  std::vector<int64_t> labels(count, 1), first(count, 1), second(count, 1);
  for (int64_t i = 0; i < only_first; ++i) second[both + i] = 0;
  for (int64_t i = 0; i < only_second; ++i) first[both + only_first + i] = 0;
  return mcnemar(labels.data(), first.data(), second.data(), count);
}

TEST(McNemar, CountsSamplesThatJustOneHasRight) {
  const McNemar test = compared(10, 8, 2);
  EXPECT_EQ(test.only_first, 8);
  EXPECT_EQ(test.only_second, 2);
  EXPECT_DOUBLE_EQ(test.statistic, 25 / 10.0);
  // 2 (C(10,0) + C(10,1) + C(10,2)) / 2^10
  EXPECT_NEAR(test.p_value, 2 * (1 + 10 + 45) / 1024.0, 1e-12);
}

TEST(McNemar, IsCertainOfNothingWhenModelsNeverDiffer) {
  const McNemar test = compared(5, 0, 0);
  EXPECT_EQ(test.statistic, 0);
  EXPECT_EQ(test.p_value, 1);
  EXPECT_EQ(compared(5, 3, 3).p_value, 1);
}

TEST(McNemar, StaysFiniteForManySamples) {
  const McNemar test = compared(0, 9000, 1000);
  EXPECT_TRUE(std::isfinite(test.p_value));
  EXPECT_GE(test.p_value, 0);
  EXPECT_LT(test.p_value, 1e-100);
}

}  // namespace
}  // namespace digitnet::metrics
