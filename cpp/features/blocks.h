// Work on many images, a block at a time, on all threads.
#pragma once

#include <cstdint>
#include <functional>

namespace digitnet::features {

// Called between blocks of work, if set; false ends the work there.
using KeepGoing = std::function<bool()>;

// work(first, end) for blocks of `block` of `count` things, in any order.
void for_each_block(int64_t count, int64_t block, const KeepGoing& keep_going,
                    const std::function<void(int64_t, int64_t)>& work);

}  // namespace digitnet::features
