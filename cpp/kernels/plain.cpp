#include "kernels/tables.h"

namespace digitnet::kernels {
namespace {
#include "kernels/body/all.h"
}  // namespace

const Kernels& plain_kernels() {
  static constexpr Kernels kTable = table("plain");
  return kTable;
}

}  // namespace digitnet::kernels
