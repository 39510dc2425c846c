// Precision, recall and their relatives, one-vs-rest for each class.
#pragma once

#include <cstdint>
#include <vector>

namespace digitnet::metrics {

// A quotient of nothing by nothing counts 0, as scikit-learn's zero_division=0.
struct ClassScores {
  int64_t support;  // samples of the class
  double precision, recall, f1;
  double specificity;  // true negatives / all negatives
  double g_measure;    // geometric mean of precision and recall
};

// From a confusion matrix [K, K], rows true.
std::vector<ClassScores> per_class(const std::vector<int64_t>& confusion,
                                   int64_t classes);

enum class Average { Macro, Weighted };  // by class, or by class size
double average(const std::vector<ClassScores>& scores,
               double ClassScores::*field, Average how);

}  // namespace digitnet::metrics
