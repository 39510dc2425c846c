#include "features/blocks.h"

#include <algorithm>

#include "engine/device.h"
#include "kernels/thread_pool.h"

namespace digitnet::features {

void for_each_block(int64_t count, int64_t block, const KeepGoing& keep_going,
                    const std::function<void(int64_t, int64_t)>& work) {
  const int64_t blocks = (count + block - 1) / block;
  if (blocks == 0) return;
  kernels::ThreadPool pool(
      static_cast<int>(std::min<int64_t>(blocks, engine::num_threads())));
  // So many blocks between two calls of `keep_going`.
  const int64_t turn = 4 * static_cast<int64_t>(pool.threads());
  for (int64_t first = 0; first < blocks; first += turn) {
    if (keep_going && !keep_going()) return;
    pool.parallel_for(std::min(turn, blocks - first), [&](int64_t task) {
      const int64_t begin = (first + task) * block;
      work(begin, std::min(begin + block, count));
    });
  }
}

}  // namespace digitnet::features
