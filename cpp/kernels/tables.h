// One table an instruction set; each is compiled in a file of its own, with
// that file's compiler flags (CMakeLists.txt).
#pragma once

#include "kernels/kernels.h"

namespace digitnet::kernels {

const Kernels& avx512_kernels();
const Kernels& avx2_kernels();
const Kernels& plain_kernels();

}  // namespace digitnet::kernels
