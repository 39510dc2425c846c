#include "engine/torch/errors.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <string>

#include "engine/executor.h"

namespace digitnet::engine {

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
