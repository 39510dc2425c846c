#include "metrics/predictions.h"

#include <algorithm>

namespace digitnet::metrics {

int64_t Predictions::predicted(int64_t sample) const {
  const double* row = probabilities + sample * classes;
  return std::max_element(row, row + classes) - row;
}

std::vector<int64_t> predicted_classes(const Predictions& predictions) {
  std::vector<int64_t> result(predictions.count);
  for (int64_t i = 0; i < predictions.count; ++i)
    result[i] = predictions.predicted(i);
  return result;
}

}  // namespace digitnet::metrics
