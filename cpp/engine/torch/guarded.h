// Where the engine calls LibTorch: on its own terms, and with errors of ours.
#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "engine/torch/arithmetic.h"

namespace digitnet::engine {

// To be called while an exception is handled. Throws LibTorch's as
// std::runtime_error without its backtrace, whatever says that memory is short
// as OutOfMemory, and others as they are.
[[noreturn]] void throw_engine_error();

// While it lives, what the caller has set for the thread in torch has no
// effect: autocast, which would keep casting the weights of the first step;
// inference mode, which has no gradients; hooks on tensors saved for backward.
// Backward's own threads inherit the thread's state.
class OwnTerms {
 public:
  OwnTerms();
  ~OwnTerms();
  OwnTerms(const OwnTerms&) = delete;
  OwnTerms& operator=(const OwnTerms&) = delete;

 private:
  c10::InferenceMode inference_{false};
  c10::impl::ExcludeDispatchKeyGuard no_autocast_;
  bool traced_;  // hooks were off before
};

// f() on our own terms, with its errors translated.
template <class F>
auto guarded(F f) {
  try {
    const OwnTerms terms;
    return f();
  } catch (...) {
    throw_engine_error();
  }
}

// The same where f computes: by this arithmetic.
template <class F>
auto guarded(const Arithmetic& arithmetic, F f) {
  return guarded([&] {
    const ArithmeticScope scope(arithmetic);
    return f();
  });
}

}  // namespace digitnet::engine
