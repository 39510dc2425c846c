#include "kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "core/interrupt.h"

namespace digitnet::kernels {
namespace {

TEST(ThreadPool, DoesEveryTaskOnceInManyShortJobs) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    std::vector<int> done(97);
    for (int job = 1; job <= 3000; ++job) {
      pool.parallel_for(static_cast<int64_t>(done.size()),
                        [&](int64_t task) { ++done[task]; });
      ASSERT_EQ(std::accumulate(done.begin(), done.end(), 0),
                job * static_cast<int>(done.size()));
    }
  }
}

TEST(ThreadPool, WakesThreadsThatSleep) {
  ThreadPool pool(3);
  for (int job = 0; job < 5; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> done{0};
    pool.parallel_for(50, [&](int64_t) { ++done; });
    EXPECT_EQ(done, 50);
  }
}

TEST(ThreadPool, NumbersItsThreads) {
  ThreadPool pool(4);
  std::atomic<bool> inside{true};
  pool.parallel_for(1000, [&](int64_t, int thread) {
    if (thread < 0 || thread >= 4) inside = false;
  });
  EXPECT_TRUE(inside);
}

TEST(ThreadPool, ThrowsWhatATaskThrewAndWorksOn) {
  ThreadPool pool(3);
  const auto fail = [](int64_t task) {
    if (task == 60) throw std::runtime_error("task 60");
  };
  EXPECT_THROW(pool.parallel_for(100, fail), std::runtime_error);
  std::atomic<int> done{0};
  pool.parallel_for(10, [&](int64_t) { ++done; });
  EXPECT_EQ(done, 10);
}

TEST(ThreadPool, LeavesTheRestOutOnceItIsInterrupted) {
  const Interruptible interruptible([] { throw std::runtime_error("stop"); });
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::atomic<int> done{0};
    const auto task = [&](int64_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++done;
    };
    EXPECT_THROW(pool.parallel_for(100'000, task), std::runtime_error);
    EXPECT_LT(done, 10'000);
  }
}

TEST(ThreadPool, HasNothingToDoForNoTasks) {
  ThreadPool pool(2);
  pool.parallel_for(0, [](int64_t) { FAIL(); });
}

}  // namespace
}  // namespace digitnet::kernels
