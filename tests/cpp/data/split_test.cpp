#include "data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

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

TEST(Split, DependsOnItsArgumentsAloneAndNeverRepeatsASample) {
  const std::vector<int64_t> labels(50, 1);
  const auto parts = split(labels, {0.5, 0.4}, 3, false);
  EXPECT_EQ(parts, split(labels, {0.5, 0.4}, 3, false));
  EXPECT_NE(parts, split(labels, {0.5, 0.4}, 4, false));
  std::set<int64_t> seen;
  for (const auto& part : parts) {
    EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
    seen.insert(part.begin(), part.end());
  }
  EXPECT_EQ(seen.size(), 45u);  // a tenth is left out
  EXPECT_LT(*seen.rbegin(), 50);
}

TEST(Split, RefusesImpossibleFractionsAndEmptyParts) {
  const std::vector<int64_t> labels = {0, 1, 0, 1};
  for (const auto& fractions : std::vector<std::vector<double>>{
           {0.0}, {-0.5}, {1.5}, {0.6, 0.6}, {0.01}}) {
    EXPECT_THROW(split(labels, fractions, 1, false), std::invalid_argument);
  }
}

TEST(KFold, DividesTheWholeSetIntoDisjointFolds) {
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 23; ++i) labels.push_back(i % 3);
  for (const bool stratify : {false, true}) {
    std::set<int64_t> seen;
    for (const auto& fold : k_fold(labels, 5, 1, stratify)) {
      EXPECT_TRUE(fold.size() == 4 || fold.size() == 5);
      for (const int64_t i : fold) EXPECT_TRUE(seen.insert(i).second);
    }
    EXPECT_EQ(seen.size(), labels.size());
  }
  EXPECT_THROW(k_fold(labels, 1, 1, false), std::invalid_argument);
  EXPECT_THROW(k_fold(labels, 24, 1, false), std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::data
