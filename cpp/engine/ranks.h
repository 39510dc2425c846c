// Several processes that train one model, each on its shard of every batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace digitnet::engine {

// A tensor that Python's torch can take: its DLManagedTensor, and what frees
// that if nobody took it.
struct SharedTensor {
  void* managed;
  void (*discard)(void* managed);
};

struct Ranks {
  int64_t rank = 0;
  int64_t count = 1;
  // Sums a contiguous tensor over all ranks, in place: all of them call it at
  // the same points, and get the same bits. Throws std::runtime_error if
  // another one is gone.
  std::function<void(const SharedTensor&)> all_reduce = {};

  bool several() const { return count > 1; }
};

// Numbers of this rank, summed over all.
std::vector<double> all_reduced(const std::vector<double>& values,
                                const Ranks& ranks);

// What a rank does of a batch of `count` samples. A batch of fewer samples than
// ranks is done by everyone, and the sums are divided.
struct Shard {
  int64_t first, count;  // of the batch's samples
  double weight;         // of its loss in the batch's, if all samples weigh 1
  bool in_totals;        // whether this rank's sums count for the batch
};
Shard shard_of(int64_t count, const Ranks& ranks);

}  // namespace digitnet::engine
