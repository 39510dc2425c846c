#include "engine/memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>  // defines __GLIBC__ where it is glibc
#include <fstream>
#include <limits>
#include <string>

#include "core/error.h"

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

namespace {

// The number behind a word in a file, or the first word if that is empty; -1 if
// there is none.
int64_t number_in(const char* path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  int64_t number = -1;
  if (name.empty()) return file >> number ? number : -1;
  while (file >> word) {
    if (word == name) return file >> number ? number : -1;
  }
  return -1;
}

// What a container may still take; pages of files that nobody uses count as
// free. Without a limit: the largest number.
int64_t free_in_container() {
  constexpr const char* kRoot = "/sys/fs/cgroup/memory";
  const auto number = [&](const char* file, const char* name = "") {
    return number_in(join(kRoot, file).c_str(), name);
  };
  int64_t limit = number(".max"), used = number(".current"),
          unused = number(".stat", "inactive_file");
  if (used < 0) {  // version 1 of these groups
    limit = number("/memory.limit_in_bytes");
    used = number("/memory.usage_in_bytes");
    unused = number("/memory.stat", "total_inactive_file");
  }
  if (limit < 0 || used < 0) return std::numeric_limits<int64_t>::max();
  return std::max<int64_t>(0, limit - used + std::max<int64_t>(0, unused));
}

}  // namespace

int64_t free_memory() {
  const int64_t kilobytes = number_in("/proc/meminfo", "MemAvailable:");
  const int64_t of_machine =
      kilobytes >= 0 ? kilobytes * 1024
                     : static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) *
                           sysconf(_SC_PAGESIZE);
  return std::min(of_machine, free_in_container());
}

void require_memory(int64_t bytes, const std::string& where) {
  constexpr int64_t kMega = 1 << 20;
  if (bytes <= kAlwaysThere) return;
  const int64_t free = free_memory();
  if (bytes <= free) return;
  throw OutOfMemory(join(where, ": expected at least ", bytes / kMega,
                         " MiB of free memory, got ", free / kMega));
}

}  // namespace digitnet::engine
