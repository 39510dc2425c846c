#include "metrics/all.h"
#include "metrics/confusion_matrix.h"

namespace digitnet::metrics {

// Source: Cohen, Educational and Psychological Measurement 1960.
MetricEntry cohen_kappa() {
  return {
      "cohen_kappa", "agreement beyond what the class sizes alone would give",
      true, 1, [](const Predictions& p) {
        const auto predicted = predicted_classes(p);
        const auto counts =
            confusion_matrix(p.labels, predicted.data(), p.count, p.classes);
        const auto n = static_cast<double>(p.count);
        double agreed = 0, expected = 0;
        for (int64_t k = 0; k < p.classes; ++k) {
          double row = 0, column = 0;
          for (int64_t j = 0; j < p.classes; ++j) {
            row += static_cast<double>(counts[k * p.classes + j]);
            column += static_cast<double>(counts[j * p.classes + k]);
          }
          agreed += static_cast<double>(counts[k * p.classes + k]) / n;
          expected += row / n * column / n;
        }
        return expected < 1 ? (agreed - expected) / (1 - expected) : 1.0;
      }};
}

}  // namespace digitnet::metrics
