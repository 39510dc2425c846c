#include "engine/memory.h"

#include <cstdlib>  // defines __GLIBC__ where it is glibc

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace digitnet::engine {

#ifdef __GLIBC__

void keep_pages_mapped() {
  constexpr int kMegabyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);  // glibc takes no more
  mallopt(M_TRIM_THRESHOLD, 1024 * kMegabyte);
}

void release_pages() { malloc_trim(0); }

#else

void keep_pages_mapped() {}
void release_pages() {}

#endif

}  // namespace digitnet::engine
