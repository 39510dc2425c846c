// Threads that run the tasks of one operation after another in parallel.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace digitnet::kernels {

// `threads` in all, the caller's own included. Idle threads look for work for
// some tens of microseconds, then sleep. One caller at a time; not for use in
// a forked child. The constructor throws std::runtime_error if the system does
// not give so many threads.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(task) or f(task, thread) for every task in [0, tasks), in any
  // order, and waits for all; throws what the first `f` that threw did, or what
  // poll_interrupt() does on the caller's thread, and then leaves out tasks
  // that nobody has begun. Which thread does a task must not change its result;
  // a thread's number is for scratch memory.
  template <class F>
  void parallel_for(int64_t tasks, const F& f) {
    run(
        tasks,
        [](const void* context, int64_t task, int thread) {
          const F& call = *static_cast<const F*>(context);
          if constexpr (std::is_invocable_v<F, int64_t, int>) {
            call(task, thread);
          } else {
            call(task);
          }
        },
        &f);
  }

 private:
  using Function = void (*)(const void* context, int64_t task, int thread);
  void run(int64_t tasks, Function function, const void* context);
  void end();  // of all threads
  void take_tasks(int thread);
  void work(int thread);
  uint32_t wait_for_job(uint32_t last);

  std::vector<std::thread> workers_;
  Function function_ = nullptr;
  const void* context_ = nullptr;
  int64_t tasks_ = 0;
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> job_{0};  // odd while one is open
  alignas(64) std::atomic<int> active_{0};
  alignas(64) std::atomic<int> asleep_{0};
  std::atomic<bool> stop_{false};
  std::mutex error_lock_;
  std::exception_ptr error_;
};

}  // namespace digitnet::kernels
