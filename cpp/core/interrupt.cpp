#include "core/interrupt.h"

namespace digitnet {
namespace {

using Clock = std::chrono::steady_clock;
thread_local Interruptible::Hook current = nullptr;
thread_local Clock::time_point last{};

}  // namespace

Interruptible::Interruptible(Hook hook) : before_(current) { current = hook; }

Interruptible::~Interruptible() { current = before_; }

void poll_interrupt() {
  if (!current) return;
  const auto now = Clock::now();
  if (now - last < kInterruptInterval) return;
  last = now;
  current();
}

}  // namespace digitnet
