#include "data/split.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/random.h"

namespace digitnet::data {
namespace {

// Many small, lopsided sets: where rounding hurts.
TEST(Split, IsExactInSizeAndFairToEveryClass) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Draws draws(seed, Stream::Split, 99);
    const auto n = static_cast<int64_t>(12 + draws.below(60));
    std::vector<int64_t> labels;
    std::map<int64_t, int64_t> totals;
    for (int64_t i = 0; i < n; ++i) {
      labels.push_back(static_cast<int64_t>(draws.below(1 + draws.below(6))));
      ++totals[labels.back()];
    }
    const std::vector<double> fractions = {0.5, 0.3, 0.2};
    const auto parts = split(labels, fractions, seed, true);
    for (size_t p = 0; p < parts.size(); ++p) {
      EXPECT_NEAR(static_cast<double>(parts[p].size()),
                  fractions[p] * static_cast<double>(n), 1)
          << seed;
      std::map<int64_t, int64_t> counts;
      for (int64_t i : parts[p]) ++counts[labels[i]];
      for (const auto& [label, total] : totals) {
        EXPECT_LE(std::abs(static_cast<double>(counts[label]) -
                           fractions[p] * static_cast<double>(total)),
                  1.0001)
            << "seed " << seed << " class " << label;
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::data
