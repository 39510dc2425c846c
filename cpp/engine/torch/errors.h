// LibTorch's errors as the engine's.
#pragma once

namespace digitnet::engine {

// To be called while an exception is handled. Throws LibTorch's as
// std::runtime_error without its backtrace, whatever says that memory is short
// as OutOfMemory, and others as they are.
[[noreturn]] void throw_engine_error();

// f(), with its errors translated.
template <class F>
auto guarded(F f) {
  try {
    return f();
  } catch (...) {
    throw_engine_error();
  }
}

}  // namespace digitnet::engine
