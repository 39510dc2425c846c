#include "engine/memory.h"

#include <unistd.h>

#include <cstdlib>  // defines __GLIBC__ where it is glibc
#include <fstream>
#include <string>

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

int64_t free_memory() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word) {
    int64_t kilobytes = 0;
    if (word == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
  }
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

}  // namespace digitnet::engine
