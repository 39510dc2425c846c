// ROC and precision-recall curves of one class against the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "metrics/predictions.h"

namespace digitnet::metrics {

// Points from the strictest threshold to the mildest. `positive[i]` is whether
// sample i is of the class, `scores[i]` how sure the model is of it.
struct RocCurve {
  std::vector<double> false_positive_rate, true_positive_rate, thresholds;
};
// Begins at (0, 0) with an infinite threshold; rates are NaN if there are no
// positives or no negatives. As scikit-learn's
// roc_curve(drop_intermediate=False).
RocCurve roc_curve(const std::vector<uint8_t>& positive,
                   const std::vector<double>& scores);

struct PrecisionRecallCurve {
  std::vector<double> precision, recall, thresholds;
};
// In scikit-learn's order: recall falls to 0, and a last point (1, 0) without
// threshold.
PrecisionRecallCurve precision_recall_curve(
    const std::vector<uint8_t>& positive, const std::vector<double>& scores);

// Area under the ROC curve by trapezoids; NaN if undefined.
double area(const RocCurve& curve);

// One class against the rest, in the form that the curves take.
struct OneVsRest {
  std::vector<uint8_t> positive;
  std::vector<double> scores;
};
OneVsRest one_vs_rest(const Predictions& predictions, int64_t k);
OneVsRest all_vs_rest(
    const Predictions& predictions);  // every class in one: micro average

// Mean of the areas of all classes for which one is defined.
double macro_auc(const Predictions& predictions);
double micro_auc(const Predictions& predictions);

}  // namespace digitnet::metrics
