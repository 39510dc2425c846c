#include "metrics/per_class.h"

#include <cmath>

namespace digitnet::metrics {
namespace {

double quotient(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

}  // namespace

std::vector<ClassScores> per_class(const std::vector<int64_t>& confusion,
                                   int64_t classes) {
  int64_t total = 0;
  std::vector<int64_t> rows(classes), columns(classes);
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = 0; j < classes; ++j) {
      const int64_t count = confusion[i * classes + j];
      rows[i] += count;
      columns[j] += count;
      total += count;
    }
  }
  std::vector<ClassScores> result;
  for (int64_t k = 0; k < classes; ++k) {
    const auto hits = static_cast<double>(confusion[k * classes + k]);
    const auto predicted = static_cast<double>(columns[k]),
               actual = static_cast<double>(rows[k]);
    const auto negatives = static_cast<double>(total - rows[k]);
    const double precision = quotient(hits, predicted),
                 recall = quotient(hits, actual);
    result.push_back({rows[k], precision, recall,
                      quotient(2 * hits, predicted + actual),
                      quotient(negatives - (predicted - hits), negatives),
                      std::sqrt(precision * recall)});
  }
  return result;
}

double average(const std::vector<ClassScores>& scores,
               double ClassScores::*field, Average how) {
  double sum = 0, weights = 0;
  for (const ClassScores& score : scores) {
    const double weight =
        how == Average::Weighted ? static_cast<double>(score.support) : 1;
    sum += weight * score.*field;
    weights += weight;
  }
  return quotient(sum, weights);
}

}  // namespace digitnet::metrics
