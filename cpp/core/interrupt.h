// How a computation of this thread notices that nobody waits for it any more.
#pragma once

#include <chrono>

namespace digitnet {

// While one lives, poll_interrupt() calls `hook` on this thread, which throws
// to end the computation; null: it calls nothing. The innermost one counts.
class Interruptible {
 public:
  using Hook = void (*)();
  explicit Interruptible(Hook hook);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  Hook before_;
};

// Between two calls of a hook: a person feels no delay yet.
constexpr std::chrono::milliseconds kInterruptInterval{50};

// For loops that may run longer than a person likes to wait, some thousand
// times a second. Costs a few nanoseconds on threads without a hook, a look at
// the clock on others.
void poll_interrupt();

}  // namespace digitnet
