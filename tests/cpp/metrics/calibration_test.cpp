#include "metrics/calibration.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace digitnet::metrics {
namespace {

TEST(Calibration, BinsSamplesByTheirConfidence) {
  const std::vector<int64_t> labels = {0, 0, 1};
  const std::vector<double> probabilities = {.5, .5, .9, .1, .75, .25};
  const Predictions predictions{labels.data(), probabilities.data(), 3, 2};
  const auto bins = reliability_bins(predictions, 4);
  ASSERT_EQ(bins.size(), 4u);
  EXPECT_EQ(bins[1].count, 1);  // .5 belongs to (.25, .5]
  EXPECT_EQ(bins[2].count, 1);  // .75 to (.5, .75], and is wrong
  EXPECT_EQ(bins[2].accuracy, 0);
  EXPECT_EQ(bins[3].count, 1);
  EXPECT_DOUBLE_EQ(bins[3].confidence, .9);
  EXPECT_EQ(bins[0].count, 0);
  EXPECT_EQ(bins[0].confidence, 0);
  EXPECT_NEAR(expected_calibration_error(predictions, 4), (.5 + .1 + .75) / 3,
              1e-12);
}

TEST(Calibration, RefusesNoBinsAndTooMany) {
  const int64_t label = 0;
  const std::vector<double> probabilities = {1, 0};
  const Predictions one{&label, probabilities.data(), 1, 2};
  EXPECT_THROW(reliability_bins(one, 0), std::invalid_argument);
  EXPECT_THROW(reliability_bins(one, 10'001), std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::metrics
