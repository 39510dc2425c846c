#include "metrics/mcnemar.h"

#include <algorithm>
#include <cmath>

namespace digitnet::metrics {
namespace {

// P(X <= k) for X binomial (n, 1/2).
double lower_tail(int64_t k, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i <= k; ++i) {
    const auto x = static_cast<double>(i), m = static_cast<double>(n);
    sum += std::exp(std::lgamma(m + 1) - std::lgamma(x + 1) -
                    std::lgamma(m - x + 1) - m * std::log(2.0));
  }
  return sum;
}

}  // namespace

McNemar mcnemar(const int64_t* labels, const int64_t* first,
                const int64_t* second, int64_t count) {
  McNemar result{0, 0, 0, 1};
  for (int64_t i = 0; i < count; ++i) {
    const bool a = first[i] == labels[i], b = second[i] == labels[i];
    result.only_first += a && !b;
    result.only_second += b && !a;
  }
  const int64_t n = result.only_first + result.only_second;
  if (n == 0) return result;
  const auto gap =
      static_cast<double>(std::abs(result.only_first - result.only_second));
  result.statistic =
      std::pow(std::max(0.0, gap - 1), 2) / static_cast<double>(n);
  result.p_value = std::min(
      1.0, 2 * lower_tail(std::min(result.only_first, result.only_second), n));
  return result;
}

}  // namespace digitnet::metrics
