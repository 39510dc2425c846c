// Several processes that train one model, each on its part of every batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace at {
class Tensor;
}

namespace digitnet::engine {

struct Ranks {
  int64_t rank = 0;
  int64_t count = 1;
  // Adds a contiguous tensor up over all ranks, in place: all of them call it
  // at the same points, and get the same bits. Throws std::runtime_error if
  // another one is gone.
  std::function<void(const at::Tensor&)> sum = {};

  bool several() const { return count > 1; }
};

// The sum over all ranks, with a gradient: that of all ranks' losses.
at::Tensor summed(const at::Tensor& x, const Ranks& ranks);

// Numbers of this rank, added up over all.
std::vector<double> summed(const std::vector<double>& values,
                           const Ranks& ranks);

// What a rank does of a batch of `count` samples. A batch of fewer samples than
// ranks is done by everyone, and the sums are divided.
struct Share {
  int64_t first, count;  // of the batch's samples
  double part;           // of the samples' loss in the batch's, if all weigh 1
  bool counted;          // whether this rank's sums count for the batch
};
Share share_of(int64_t count, const Ranks& ranks);

}  // namespace digitnet::engine
