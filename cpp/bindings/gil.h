// The GIL, let go and taken so that Ctrl-C is heard and the interpreter's end
// survived.
//
// A daemon thread may still compute when the interpreter ends. Whoever then
// waits for the GIL gets pthread_exit() from Python (before 3.14), which
// unwinds the thread through destructors and so terminates the process. Here
// such a thread waits for ever instead, as Python 3.14 has it, and the process
// ends under it: from the moment when Python calls its exit handlers, at the
// next change of the GIL's owner. What it computed is lost.
#pragma once

#include <pybind11/pybind11.h>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

#include "core/interrupt.h"

namespace digitnet::bindings {

namespace py = pybind11;

// Runs Python's signal handlers; called without the GIL. Returns true, or
// throws what a handler raised.
bool check_signals();

// What Ctrl-C does to a computation: it ends, or its own hooks look for it.
enum class OnInterrupt { End, Ignore };

// Lets others have the GIL while it lives.
class GilRelease {
 public:
  explicit GilRelease(OnInterrupt on_interrupt = OnInterrupt::End);
  ~GilRelease();
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  Interruptible interruptible_;
  PyThreadState* state_;
};

// Has the GIL while it lives, whoever had it before.
class GilAcquire {
 public:
  GilAcquire();
  ~GilAcquire();
  GilAcquire(const GilAcquire&) = delete;
  GilAcquire& operator=(const GilAcquire&) = delete;

 private:
  PyGILState_STATE state_;
};

// Never returns.
[[noreturn]] void wait_for_exit();

// f() under the GIL; it may call Python, within which a thread can end, too.
template <class F>
auto with_gil(const F& f) {
  const GilAcquire acquire;
#ifdef __GLIBCXX__
  try {
    return f();
  } catch (abi::__forced_unwind&) {
    wait_for_exit();
  }
#else
  return f();
#endif
}

// To be called once, when the module is made: an exit handler of Python that
// stops other threads' computations and waits for them, but not for long.
void stop_threads_at_exit();

}  // namespace digitnet::bindings
