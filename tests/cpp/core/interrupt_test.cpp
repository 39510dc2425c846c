#include "core/interrupt.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace digitnet {
namespace {

void stop() { throw std::runtime_error("stopped"); }

// Hooks are called at most every kInterruptInterval.
void wait() { std::this_thread::sleep_for(kInterruptInterval); }

TEST(PollInterrupt, CallsTheInnermostHook) {
  EXPECT_NO_THROW(poll_interrupt());
  const Interruptible outer(stop);
  wait();
  EXPECT_THROW(poll_interrupt(), std::runtime_error);
  EXPECT_NO_THROW(poll_interrupt()) << "so soon again";
  {
    const Interruptible inner(nullptr);
    wait();
    EXPECT_NO_THROW(poll_interrupt());
  }
  EXPECT_THROW(poll_interrupt(), std::runtime_error);
}

TEST(PollInterrupt, IsOfOneThread) {
  const Interruptible here(stop);
  wait();
  std::thread([] { EXPECT_NO_THROW(poll_interrupt()); }).join();
  EXPECT_THROW(poll_interrupt(), std::runtime_error);
}

}  // namespace
}  // namespace digitnet
