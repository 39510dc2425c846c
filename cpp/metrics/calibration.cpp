#include "metrics/calibration.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace digitnet::metrics {

std::vector<ReliabilityBin> reliability_bins(const Predictions& predictions,
                                             int64_t bins) {
  require(bins >= 1 && bins <= 10000,
          "calibration.bins: expected 1 to 10000, got ", bins);
  std::vector<ReliabilityBin> result;
  const auto n = static_cast<double>(bins);
  for (int64_t b = 0; b < bins; ++b) {
    result.push_back(
        {static_cast<double>(b) / n, static_cast<double>(b + 1) / n, 0, 0, 0});
  }
  for (int64_t i = 0; i < predictions.count; ++i) {
    const int64_t best = predictions.predicted(i);
    const double confidence = predictions.probability(i, best);
    const auto at = static_cast<int64_t>(std::ceil(confidence * n)) - 1;
    ReliabilityBin& bin = result[std::clamp<int64_t>(at, 0, bins - 1)];
    ++bin.count;
    bin.confidence += confidence;
    bin.accuracy += best == predictions.labels[i];
  }
  for (ReliabilityBin& bin : result) {
    if (bin.count == 0) continue;
    bin.confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return result;
}

double expected_calibration_error(const Predictions& predictions,
                                  int64_t bins) {
  double error = 0;
  for (const ReliabilityBin& bin : reliability_bins(predictions, bins)) {
    error += static_cast<double>(bin.count) *
             std::abs(bin.accuracy - bin.confidence);
  }
  return error / static_cast<double>(predictions.count);
}

}  // namespace digitnet::metrics
