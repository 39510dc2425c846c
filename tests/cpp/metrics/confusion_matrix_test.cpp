#include "metrics/confusion_matrix.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "metrics/per_class.h"

namespace digitnet::metrics {
namespace {

TEST(ConfusionMatrix, HasTrueClassesInRows) {
  const std::vector<int64_t> labels = {0, 1, 1, 2}, predicted = {0, 1, 0, 2};
  EXPECT_EQ(confusion_matrix(labels.data(), predicted.data(), 4, 3),
            (std::vector<int64_t>{1, 0, 0, 1, 1, 0, 0, 0, 1}));
}

TEST(ConfusionMatrix, RefusesUnknownClasses) {
  const std::vector<int64_t> fine = {0, 1}, high = {0, 2}, low = {-1, 0};
  EXPECT_THROW(confusion_matrix(fine.data(), high.data(), 2, 2),
               std::invalid_argument);
  EXPECT_THROW(confusion_matrix(low.data(), fine.data(), 2, 2),
               std::invalid_argument);
}

TEST(PerClass, CountsAnAbsentClassAsZero) {
  const auto scores = per_class({2, 0, 1, 0, 0, 0, 0, 0, 3}, 3);
  EXPECT_EQ(scores[1].support, 0);
  EXPECT_EQ(scores[1].precision, 0);
  EXPECT_EQ(scores[1].recall, 0);
  EXPECT_EQ(scores[1].f1, 0);
  EXPECT_EQ(scores[1].specificity, 1);
  EXPECT_DOUBLE_EQ(scores[0].recall, 2 / 3.0);
  EXPECT_DOUBLE_EQ(scores[2].precision, 3 / 4.0);
  EXPECT_DOUBLE_EQ(scores[2].specificity, 2 / 3.0);
  EXPECT_DOUBLE_EQ(average(scores, &ClassScores::recall, Average::Weighted),
                   (3 * 2 / 3.0 + 3 * 1) / 6);
}

}  // namespace
}  // namespace digitnet::metrics
