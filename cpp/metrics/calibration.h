// Calibration: are predictions of 90 % confidence right nine times in ten?
#pragma once

#include <vector>

#include "metrics/predictions.h"

namespace digitnet::metrics {

// One bin of equal width over the confidence (the largest probability).
struct ReliabilityBin {
  double low, high;  // (low, high]
  int64_t count;
  double confidence, accuracy;  // means over the bin; 0 if it is empty
};

// Throws std::invalid_argument unless 1 <= bins <= 10000.
std::vector<ReliabilityBin> reliability_bins(const Predictions& predictions,
                                             int64_t bins);

// Mean |accuracy - confidence| over samples.
// Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
double expected_calibration_error(const Predictions& predictions,
                                  int64_t bins = 15);

}  // namespace digitnet::metrics
