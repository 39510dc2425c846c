#ifdef DIGITNET_X86_KERNELS

#include <immintrin.h>

#include "kernels/tables.h"

namespace digitnet::kernels {
namespace {
#include "kernels/body/all.h"
}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kTable = table("avx2");
  return kTable;
}

}  // namespace digitnet::kernels

#endif
