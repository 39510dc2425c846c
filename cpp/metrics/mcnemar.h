// McNemar's test: do two models differ by more than chance on the same samples?
#pragma once

#include <cstdint>

namespace digitnet::metrics {

struct McNemar {
  int64_t only_first, only_second;  // samples that just one of them has right
  double statistic;  // (|b - c| - 1)^2 / (b + c), 0 if they never differ
  double p_value;    // exact, two-sided binomial
};

// Source: McNemar, Psychometrika 1947; Edwards' correction 1948.
McNemar mcnemar(const int64_t* labels, const int64_t* first,
                const int64_t* second, int64_t count);

}  // namespace digitnet::metrics
