#include "engine/native/run.h"

#include <algorithm>

namespace digitnet::engine::native {
namespace {

// Of the largest operation's maps of the images that run together: 1 MiB, half
// of a core's second cache, for a run has some maps more.
constexpr int64_t kCached = 256 << 10;

// All of them have started.
void run_images(const Pass& pass, const Direction& direction, Op* const* ops,
                size_t count) {
  int64_t sums = 0, floats = 1;
  for (size_t i = 0; i < count; ++i) {
    sums = std::max(sums, ops[i]->sum_floats());
    floats = std::max(floats, ops[i]->image_floats());
  }
  const Chunks chunks = Chunks::of(pass.count, sums);
  const int64_t together = std::max<int64_t>(1, kCached / floats);
  pass.pool.parallel_for(chunks.count, [&](int64_t chunk, int thread) {
    const int64_t first = chunks.first(chunk), last = chunks.last(chunk);
    for (int64_t n = first; n < last; n += together) {
      const Images images{n, std::min(n + together, last), chunk, n == first,
                          thread};
      for (size_t i = 0; i < count; ++i)
        (ops[i]->*direction.images)(pass, images);
    }
  });
  for (size_t i = 0; i < count; ++i) (ops[i]->*direction.finish)(pass, chunks);
}

}  // namespace

void run_alone(const Pass& pass, const Direction& direction, Op& op) {
  Op* const ops[] = {&op};
  (op.*direction.start)(pass);
  run_images(pass, direction, ops, 1);
}

void Run::add(Op& op) {
  if (!(op.*direction_.by_images)()) {
    end();
    (op.*direction_.whole)(pass_);
    return;
  }
  (op.*direction_.start)(pass_);
  waiting_.push_back(&op);
  if ((op.*direction_.waits)()) end();
}

void Run::end() {
  if (!waiting_.empty())
    run_images(pass_, direction_, waiting_.data(), waiting_.size());
  waiting_.clear();
}

}  // namespace digitnet::engine::native
