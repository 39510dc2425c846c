#include "engine/ranks.h"

#include "engine/torch_engine.h"

namespace digitnet::engine {

std::vector<double> all_reduced(const std::vector<double>& values,
                                const Ranks& ranks) {
  std::vector<double> sums = values;
  ranks.all_reduce(
      torch_engine().share(sums.data(), static_cast<int64_t>(sums.size())));
  return sums;
}

Shard shard_of(int64_t count, const Ranks& ranks) {
  if (!ranks.several()) return {0, count, 1, true};
  if (count < ranks.count)
    return {0, count, 1 / static_cast<double>(ranks.count), ranks.rank == 0};
  const int64_t first = count * ranks.rank / ranks.count;
  const int64_t last = count * (ranks.rank + 1) / ranks.count;
  return {first, last - first,
          static_cast<double>(last - first) / static_cast<double>(count), true};
}

}  // namespace digitnet::engine
