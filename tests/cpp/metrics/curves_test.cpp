#include "metrics/curves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace digitnet::metrics {
namespace {

using Numbers = std::vector<double>;

// The example of scikit-learn's roc_curve.
const std::vector<uint8_t> kPositive = {0, 0, 1, 1};
const Numbers kScores = {.1, .4, .35, .8};

TEST(RocCurve, IsThatOfScikitLearn) {
  const RocCurve curve = roc_curve(kPositive, kScores);
  EXPECT_EQ(curve.false_positive_rate, (Numbers{0, 0, .5, .5, 1}));
  EXPECT_EQ(curve.true_positive_rate, (Numbers{0, .5, .5, 1, 1}));
  EXPECT_EQ(curve.thresholds, (Numbers{std::numeric_limits<double>::infinity(),
                                       .8, .4, .35, .1}));
  EXPECT_DOUBLE_EQ(area(curve), .75);
}

TEST(RocCurve, TakesEqualScoresInOneStep) {
  const RocCurve curve = roc_curve({1, 0, 1, 0}, {.5, .5, .5, .5});
  EXPECT_EQ(curve.thresholds.size(), 2u);
  EXPECT_DOUBLE_EQ(area(curve), .5);
}

TEST(RocCurve, HasNoAreaWithoutBothKinds) {
  EXPECT_TRUE(std::isnan(area(roc_curve({1, 1}, {.2, .3}))));
  EXPECT_TRUE(std::isnan(area(roc_curve({0, 0}, {.2, .3}))));
}

TEST(PrecisionRecallCurve, IsThatOfScikitLearn) {
  const PrecisionRecallCurve curve = precision_recall_curve(kPositive, kScores);
  EXPECT_EQ(curve.precision, (Numbers{.5, 2 / 3.0, .5, 1, 1}));
  EXPECT_EQ(curve.recall, (Numbers{1, 1, .5, .5, 0}));
  EXPECT_EQ(curve.thresholds, (Numbers{.1, .35, .4, .8}));
}

}  // namespace
}  // namespace digitnet::metrics
