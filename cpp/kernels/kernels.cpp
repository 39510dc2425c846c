#include "kernels/kernels.h"

#include <cstdlib>

#include "core/error.h"
#include "core/list.h"
#include "kernels/tables.h"

namespace digitnet::kernels {

// The compiler's test includes whether the operating system saves the wide
// registers.
std::vector<const Kernels*> available() {
  std::vector<const Kernels*> result;
#ifdef DIGITNET_X86_KERNELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    result.push_back(&avx512_kernels());
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    result.push_back(&avx2_kernels());
#endif
  result.push_back(&plain_kernels());
  return result;
}

const Kernels& select() {
  const auto tables = available();
  const char* requested = std::getenv("DIGITNET_KERNELS");
  if (!requested || !*requested) return *tables.front();
  std::vector<std::string> names;
  for (const Kernels* kernels : tables) {
    if (kernels->name == std::string(requested)) return *kernels;
    names.push_back(kernels->name);
  }
  throw std::invalid_argument(join("DIGITNET_KERNELS: expected one of ",
                                   listed(names), " on this machine, got '",
                                   requested, "'"));
}

}  // namespace digitnet::kernels
