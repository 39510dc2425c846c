// What metrics are computed from.
#pragma once

#include <cstdint>
#include <vector>

namespace digitnet::metrics {

// N samples with their true classes and a row of K probabilities each
// (borrowed).
struct Predictions {
  const int64_t* labels;        // [N], in [0, K)
  const double* probabilities;  // [N, K]
  int64_t count;                // N >= 1
  int64_t classes;              // K >= 2

  double probability(int64_t sample, int64_t k) const {
    return probabilities[sample * classes + k];
  }
  // The most probable class; of equal ones the first.
  int64_t predicted(int64_t sample) const;
};

std::vector<int64_t> predicted_classes(const Predictions& predictions);

}  // namespace digitnet::metrics
