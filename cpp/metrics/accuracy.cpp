#include <algorithm>

#include "core/error.h"
#include "metrics/all.h"
#include "metrics/confusion_matrix.h"
#include "metrics/per_class.h"

namespace digitnet::metrics {
namespace {

double mean_recall(const Predictions& p) {
  const auto scores =
      per_class(confusion_matrix(p.labels, predicted_classes(p).data(), p.count,
                                 p.classes),
                p.classes);
  double sum = 0;
  int64_t present = 0;
  for (const ClassScores& score : scores) {
    if (score.support == 0) continue;
    sum += score.recall;
    ++present;
  }
  return sum / static_cast<double>(present);
}

}  // namespace

double top_k_accuracy(const Predictions& p, int64_t k) {
  require(k >= 1 && k <= p.classes, "top_k_accuracy.k: expected 1 to ",
          p.classes, ", got ", k);
  int64_t hits = 0;
  for (int64_t i = 0; i < p.count; ++i) {
    const double truth = p.probability(i, p.labels[i]);
    int64_t before = 0;
    for (int64_t other = 0; other < p.classes; ++other) {
      const double rival = p.probability(i, other);
      before += rival > truth || (rival == truth && other < p.labels[i]);
    }
    hits += before < k;
  }
  return static_cast<double>(hits) / static_cast<double>(p.count);
}

MetricEntry accuracy() {
  return {"accuracy", "fraction of samples that are right", true, 1,
          [](const Predictions& p) { return top_k_accuracy(p, 1); }};
}

MetricEntry top_3_accuracy() {
  return {"top_3_accuracy", "truth among the three most probable classes", true,
          1, [](const Predictions& p) {
            return top_k_accuracy(p, std::min<int64_t>(3, p.classes));
          }};
}

MetricEntry balanced_accuracy() {
  return {"balanced_accuracy", "mean recall of the classes that occur", true, 1,
          mean_recall};
}

}  // namespace digitnet::metrics
