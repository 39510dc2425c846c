#include "kernels/thread_pool.h"

#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "core/interrupt.h"

namespace digitnet::kernels {
namespace {

// Some tens of microseconds: operations of a small network follow each other
// faster than a sleeping thread wakes, but a thread that spins for long takes
// its core from other libraries of the process.
constexpr int kSpins = 4000;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, i] { work(i); });
  } catch (const std::system_error&) {
    const size_t started = workers_.size();
    end();  // threads that run on would end the process
    throw std::runtime_error("set_num_threads: expected " +
                             std::to_string(threads) + " threads, got " +
                             std::to_string(started + 1) +
                             " from the system; use fewer");
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() {
  stop_ = true;
  job_.fetch_add(2);
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::take_tasks(int thread) {
  for (;;) {
    const int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) return;
    try {
      if (thread == 0) poll_interrupt();
      function_(context_, task, thread);
    } catch (...) {
      next_.store(tasks_);  // nobody wants the rest
      const std::lock_guard lock(error_lock_);
      if (!error_) error_ = std::current_exception();
    }
  }
}

void ThreadPool::run(int64_t tasks, Function function, const void* context) {
  if (workers_.empty() || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) {
      poll_interrupt();
      function(context, task, 0);
    }
    return;
  }
  function_ = function;
  context_ = context;
  tasks_ = tasks;
  next_.store(0);
  job_.fetch_add(1);  // open
  if (asleep_.load() > 0) job_.notify_all();
  take_tasks(0);
  job_.fetch_add(1);  // closed: nobody joins from here on
  for (int spins = 0; active_.load() > 0; ++spins) {
    if (spins < kSpins) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

// The next open job, or an even number when told to stop.
uint32_t ThreadPool::wait_for_job(uint32_t last) {
  for (int spins = 0;; ++spins) {
    const uint32_t job = job_.load();
    if (stop_) return 0;
    if (job % 2 == 1 && job != last) return job;
    if (spins < kSpins) {
      pause();
      continue;
    }
    asleep_.fetch_add(1);
    job_.wait(job);
    asleep_.fetch_sub(1);
    spins = 0;
  }
}

void ThreadPool::work(int thread) {
  uint32_t last = 0;
  while (const uint32_t job = wait_for_job(last)) {
    // The caller waits for those who were counted before it closed the job;
    // who comes later sees that it is closed.
    active_.fetch_add(1);
    if (job_.load() == job) take_tasks(thread);
    active_.fetch_sub(1);
    last = job;
  }
}

}  // namespace digitnet::kernels
