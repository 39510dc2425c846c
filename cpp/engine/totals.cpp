#include "engine/totals.h"

#include <algorithm>

namespace digitnet::engine {

Totals of_all_ranks(Totals totals, const Ranks& ranks) {
  if (!ranks.several()) return totals;
  const auto samples = static_cast<double>(totals.samples);
  const auto sums =
      all_reduced({totals.loss * samples, static_cast<double>(totals.correct),
                   samples, totals.bad_step >= 0 ? 1.0 : 0.0},
                  ranks);
  totals.loss = sums[0] / std::max(1.0, sums[2]);
  totals.correct = static_cast<int64_t>(sums[1]);
  totals.samples = static_cast<int64_t>(sums[2]);
  if (sums[3] > 0) totals.bad_step = std::max<int64_t>(0, totals.bad_step);
  return totals;
}

}  // namespace digitnet::engine
