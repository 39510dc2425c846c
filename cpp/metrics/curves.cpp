#include "metrics/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace digitnet::metrics {
namespace {

// True and false positives at each distinct score, from the highest down.
struct Steps {
  std::vector<double> thresholds, hits, false_alarms;
};

Steps steps_of(const std::vector<uint8_t>& positive,
               const std::vector<double>& scores) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  Steps steps;
  double hits = 0, false_alarms = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    (positive[order[i]] ? hits : false_alarms) += 1;
    if (i + 1 < order.size() && scores[order[i + 1]] == scores[order[i]])
      continue;
    steps.thresholds.push_back(scores[order[i]]);
    steps.hits.push_back(hits);
    steps.false_alarms.push_back(false_alarms);
  }
  return steps;
}

}  // namespace

RocCurve roc_curve(const std::vector<uint8_t>& positive,
                   const std::vector<double>& scores) {
  const Steps steps = steps_of(positive, scores);
  const double positives = steps.hits.back(),
               negatives = steps.false_alarms.back();
  RocCurve curve{{0}, {0}, {std::numeric_limits<double>::infinity()}};
  for (size_t i = 0; i < steps.hits.size(); ++i) {
    curve.false_positive_rate.push_back(steps.false_alarms[i] /
                                        negatives);  // 0/0: NaN
    curve.true_positive_rate.push_back(steps.hits[i] / positives);
    curve.thresholds.push_back(steps.thresholds[i]);
  }
  return curve;
}

PrecisionRecallCurve precision_recall_curve(
    const std::vector<uint8_t>& positive, const std::vector<double>& scores) {
  const Steps steps = steps_of(positive, scores);
  PrecisionRecallCurve curve;
  for (size_t i = steps.hits.size(); i-- > 0;) {
    curve.precision.push_back(steps.hits[i] /
                              (steps.hits[i] + steps.false_alarms[i]));
    curve.recall.push_back(steps.hits[i] / steps.hits.back());
    curve.thresholds.push_back(steps.thresholds[i]);
  }
  curve.precision.push_back(1);
  curve.recall.push_back(0);
  return curve;
}

double area(const RocCurve& curve) {
  double sum = 0;
  for (size_t i = 1; i < curve.thresholds.size(); ++i) {
    const double wide =
        curve.false_positive_rate[i] - curve.false_positive_rate[i - 1];
    sum += wide *
           (curve.true_positive_rate[i] + curve.true_positive_rate[i - 1]) / 2;
  }
  return sum;
}

OneVsRest one_vs_rest(const Predictions& predictions, int64_t k) {
  OneVsRest result;
  for (int64_t i = 0; i < predictions.count; ++i) {
    result.positive.push_back(predictions.labels[i] == k);
    result.scores.push_back(predictions.probability(i, k));
  }
  return result;
}

OneVsRest all_vs_rest(const Predictions& predictions) {
  OneVsRest result;
  for (int64_t i = 0; i < predictions.count; ++i) {
    for (int64_t k = 0; k < predictions.classes; ++k) {
      result.positive.push_back(predictions.labels[i] == k);
      result.scores.push_back(predictions.probability(i, k));
    }
  }
  return result;
}

double macro_auc(const Predictions& predictions) {
  double sum = 0;
  int64_t defined = 0;
  for (int64_t k = 0; k < predictions.classes; ++k) {
    const OneVsRest rest = one_vs_rest(predictions, k);
    const double value = area(roc_curve(rest.positive, rest.scores));
    if (std::isnan(value)) continue;
    sum += value;
    ++defined;
  }
  return defined ? sum / static_cast<double>(defined) : std::nan("");
}

double micro_auc(const Predictions& predictions) {
  const OneVsRest rest = all_vs_rest(predictions);
  return area(roc_curve(rest.positive, rest.scores));
}

}  // namespace digitnet::metrics
