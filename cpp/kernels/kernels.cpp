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
  const auto found = available();
  const char* wanted = std::getenv("DIGITNET_KERNELS");
  if (!wanted || !*wanted) return *found.front();
  std::vector<std::string> known;
  for (const Kernels* kernels : found) {
    if (kernels->name == std::string(wanted)) return *kernels;
    known.push_back(kernels->name);
  }
  throw std::invalid_argument(join("DIGITNET_KERNELS: expected one of ",
                                   listed(known), " on this machine, got '",
                                   wanted, "'"));
}

}  // namespace digitnet::kernels
