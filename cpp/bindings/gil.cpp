#include "bindings/gil.h"

#ifndef _WIN32
#include <pthread.h>
#endif

#include <atomic>
#include <chrono>
#include <thread>

namespace digitnet::bindings {
namespace {

// Most computations look for Ctrl-C, and so stop here, within 50 ms; one step
// of a large network takes seconds.
constexpr std::chrono::seconds kExitPatience{5};

std::atomic<int> running{
    0};  // GilRelease that live, but for those of threads that wait for exit
thread_local int mine = 0;  // of them, this thread's
std::atomic<bool> exiting{false};
std::thread::id ending_thread;  // set before `exiting`

bool must_wait() {
  return exiting && std::this_thread::get_id() != ending_thread;
}

void stop_threads() {
  ending_thread = std::this_thread::get_id();
  exiting = true;
  PyThreadState* const state = PyEval_SaveThread();
  const auto until = std::chrono::steady_clock::now() + kExitPatience;
  while (running > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  PyEval_RestoreThread(state);
}

// take() gets the GIL.
template <class F>
auto taken(const F& take) {
  if (must_wait()) wait_for_exit();
#ifdef __GLIBCXX__
  try {
    return take();
  } catch (abi::__forced_unwind&) {  // it came too late
    wait_for_exit();
  }
#else
  return take();
#endif
}

void end_if_interrupted() { check_signals(); }

}  // namespace

void wait_for_exit() {
  running -= mine;
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

GilRelease::GilRelease(OnInterrupt on_interrupt)
    : interruptible_(on_interrupt == OnInterrupt::End ? end_if_interrupted
                                                      : nullptr) {
  ++running;
  ++mine;
  state_ = PyEval_SaveThread();
}

GilRelease::~GilRelease() {
  taken([this] {
    PyEval_RestoreThread(state_);
    return true;
  });
  --running;
  --mine;
}

GilAcquire::GilAcquire() : state_(taken(PyGILState_Ensure)) {}

GilAcquire::~GilAcquire() { PyGILState_Release(state_); }

bool check_signals() {
  return with_gil([] {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    return true;
  });
}

void stop_threads_at_exit() {
#ifndef _WIN32
  // Of all threads only the one that forks is in the child.
  pthread_atfork(nullptr, nullptr, [] { running = mine; });
#endif
  py::module_::import("atexit").attr("register")(
      py::cpp_function(stop_threads));
}

}  // namespace digitnet::bindings
