#include "metrics/confusion_matrix.h"

#include "data/view.h"

namespace digitnet::metrics {

std::vector<int64_t> confusion_matrix(const int64_t* labels,
                                      const int64_t* predicted, int64_t count,
                                      int64_t classes) {
  data::check_labels("confusion_matrix.labels", labels, count, classes);
  data::check_labels("confusion_matrix.predicted", predicted, count, classes);
  std::vector<int64_t> counts(classes * classes);
  for (int64_t i = 0; i < count; ++i)
    ++counts[labels[i] * classes + predicted[i]];
  return counts;
}

}  // namespace digitnet::metrics
