// Every metric that is one number, by hand on four samples of three classes,
// and what all of them have in common.
#include "metrics/all.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/list.h"

namespace digitnet::metrics {
namespace {

struct Samples {
  std::vector<int64_t> labels;
  std::vector<double> probabilities;
  int64_t classes = 3;

  Predictions view() const {
    return {labels.data(), probabilities.data(),
            static_cast<int64_t>(labels.size()), classes};
  }
};

double value(const std::string& name, const Samples& samples) {
  return find(all(), "metric", name).compute(samples.view());
}

// Predicted 0, 0, 1, 2: the second sample, of class 1, is taken for 0.
// Confusion, rows true: [1 0 0; 1 1 0; 0 0 1].
Samples four() {
  return {{0, 1, 1, 2},
          {.7, .2, .1,  //
           .5, .4, .1,  //
           .1, .8, .1,  //
           .2, .2, .6}};
}

TEST(Metrics, AreWhatTheirDefinitionsGiveByHand) {
  const double root = std::sqrt(0.5);
  const std::map<std::string, double> expected = {
      {"accuracy", 3 / 4.0},
      {"top_3_accuracy", 1},
      {"balanced_accuracy", (1 + .5 + 1) / 3},
      {"precision_macro", (.5 + 1 + 1) / 3},
      {"recall_macro", (1 + .5 + 1) / 3},
      {"f1_macro", (2 / 3.0 + 2 / 3.0 + 1) / 3},
      {"specificity_macro", (2 / 3.0 + 1 + 1) / 3},
      {"g_measure_macro", (root + root + 1) / 3},
      {"precision_weighted", (.5 + 2 * 1 + 1) / 4},
      {"recall_weighted", (1 + 2 * .5 + 1) / 4},
      {"f1_weighted", (2 / 3.0 + 2 * 2 / 3.0 + 1) / 4},
      {"specificity_weighted", (2 / 3.0 + 2 * 1 + 1) / 4},
      {"g_measure_weighted", (root + 2 * root + 1) / 4},
      {"log_loss", -std::log(.7 * .4 * .8 * .6) / 4},
      {"brier", (.14 + .62 + .06 + .24) / 4},
      {"auc_macro", 1},  // in every class the true samples score highest
      {"calibration_error", (.3 + .5 + .2 + .4) / 4},
      // Agreement .75; by chance 1/4 * 2/4 + 2/4 * 1/4 + 1/4 * 1/4 = 5/16.
      {"cohen_kappa", (12 / 16.0 - 5 / 16.0) / (11 / 16.0)},
  };
  for (const auto& [name, number] : expected)
    EXPECT_NEAR(value(name, four()), number, 1e-12) << name;
  // Of 4 * 8 pairs of a true and a false score: .4 lies below .5 alone.
  EXPECT_NEAR(value("auc_micro", four()), 31 / 32.0, 1e-12);
}

TEST(Metrics, AreBestForPerfectPredictions) {
  const Samples perfect{{0, 1, 2, 2}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1}};
  for (const MetricEntry& metric : all())
    EXPECT_NEAR(metric.compute(perfect.view()), metric.best, 1e-9)
        << metric.name;
}

TEST(Metrics, PreferPerfectPredictionsToWrongOnes) {
  const Samples wrong{{0, 1, 2, 2}, {0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0}};
  for (const MetricEntry& metric : all()) {
    if (metric.name == "top_3_accuracy") continue;  // of three classes
    const double worse = metric.compute(wrong.view());
    EXPECT_TRUE(metric.higher_is_better ? worse < metric.best
                                        : worse > metric.best)
        << metric.name << ": " << worse;
  }
}

TEST(Metrics, DoNotDependOnTheOrderOfSamples) {
  const Samples samples = four();
  Samples reversed = samples;
  for (size_t i = 0; i < 4; ++i) {
    reversed.labels[i] = samples.labels[3 - i];
    for (size_t k = 0; k < 3; ++k)
      reversed.probabilities[3 * i + k] = samples.probabilities[9 - 3 * i + k];
  }
  for (const MetricEntry& metric : all())
    EXPECT_NEAR(metric.compute(samples.view()), metric.compute(reversed.view()),
                1e-12)
        << metric.name;
}

TEST(TopKAccuracy, CountsTiesForTheLowerClass) {
  const Samples ties{{0, 1, 2}, {.5, .5, 0, .5, .5, 0, .2, .4, .4}};
  EXPECT_NEAR(top_k_accuracy(ties.view(), 1), 1 / 3.0, 1e-12);
  EXPECT_NEAR(top_k_accuracy(ties.view(), 2), 1, 1e-12);
  EXPECT_THROW(top_k_accuracy(ties.view(), 0), std::invalid_argument);
  EXPECT_THROW(top_k_accuracy(ties.view(), 4), std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::metrics
