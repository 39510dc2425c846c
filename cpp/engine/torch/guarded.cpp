#include "engine/torch/guarded.h"

#include <ATen/SavedTensorHooks.h>
#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <string>

#include "engine/executor.h"

namespace digitnet::engine {

// Hooks are off while torch traces, which is the only way to have them off
// where some are set.
OwnTerms::OwnTerms()
    : no_autocast_(c10::autocast_dispatch_keyset),
      traced_(at::SavedTensorDefaultHooks::set_tracing(true)) {}

OwnTerms::~OwnTerms() { at::SavedTensorDefaultHooks::set_tracing(traced_); }

void throw_engine_error() {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    throw OutOfMemory(error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("allocate memory") != std::string::npos)
      throw OutOfMemory(what);
    throw std::runtime_error("torch: " + what);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("not enough memory");
  }
}

}  // namespace digitnet::engine
