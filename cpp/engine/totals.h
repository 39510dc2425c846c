// What an epoch sums up, of one rank and of all.
#pragma once

#include <cstdint>

#include "engine/ranks.h"

namespace digitnet::engine {

// Sums since the epoch's start.
struct Totals {
  double loss = 0;  // mean over samples
  int64_t correct = 0;
  int64_t samples = 0;
  int64_t bad_step = -1;  // first step of the epoch whose loss was not finite
};

// Their sums over the ranks; a rank's bad step is all of theirs.
Totals of_all_ranks(Totals totals, const Ranks& ranks);

}  // namespace digitnet::engine
