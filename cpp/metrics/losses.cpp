#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/all.h"

namespace digitnet::metrics {

MetricEntry log_loss() {
  return {"log_loss",
          "mean of -log of the truth's probability (clipped at 2^-52)", false,
          0, [](const Predictions& p) {
            double sum = 0;
            for (int64_t i = 0; i < p.count; ++i) {
              constexpr double kMin = std::numeric_limits<double>::epsilon();
              sum -= std::log(
                  std::clamp(p.probability(i, p.labels[i]), kMin, 1 - kMin));
            }
            return sum / static_cast<double>(p.count);
          }};
}

// Source: Brier, Monthly Weather Review 1950 (the original form, 0 to 2).
MetricEntry brier() {
  return {"brier", "squared distance to the one-hot truth, summed over classes",
          false, 0, [](const Predictions& p) {
            double sum = 0;
            for (int64_t i = 0; i < p.count; ++i) {
              for (int64_t k = 0; k < p.classes; ++k) {
                const double miss =
                    p.probability(i, k) - (p.labels[i] == k ? 1 : 0);
                sum += miss * miss;
              }
            }
            return sum / static_cast<double>(p.count);
          }};
}

}  // namespace digitnet::metrics
