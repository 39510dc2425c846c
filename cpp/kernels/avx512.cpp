#ifdef DIGITNET_X86_KERNELS

#include <immintrin.h>

#include "kernels/tables.h"

namespace digitnet::kernels {
namespace {
#include "kernels/body/all.h"
}  // namespace

const Kernels& avx512_kernels() {
  static constexpr Kernels kTable = table("avx512");
  return kTable;
}

}  // namespace digitnet::kernels

#endif
