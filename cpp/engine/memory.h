// Memory that stays mapped from step to step.
#pragma once

#include <cstdint>
#include <new>
#include <string>

#include "engine/executor.h"

namespace digitnet::engine {

// f(), whose failures to allocate become OutOfMemory.
template <class F>
auto with_memory(const F& f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("not enough memory");
  }
}

// Makes glibc's malloc reuse freed blocks of up to 32 MB instead of handing
// them back to the system: every training step allocates the same ones, and
// mapping them again costs a step of eager LibTorch on two CPU cores 10 to 35 %
// of its time (measured on small networks). Holds for the process from the
// first call on; with another libc it does nothing.
void keep_pages_mapped();

// Hands back what is free now; called when training ends.
void release_pages();

// Bytes that can be used without driving others out, as the system says, and
// the container if there is one; a system that overcommits would end the
// process only when they are touched.
int64_t free_memory();

// Throws OutOfMemory, "`where`: ...", if so many bytes are more than there are.
// Small amounts are not worth asking the system for.
constexpr int64_t kAlwaysThere = int64_t{64} << 20;
void require_memory(int64_t bytes, const std::string& where);

}  // namespace digitnet::engine
