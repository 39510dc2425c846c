// What makes this folder a library of its own: see engine/torch_engine.h.
#include "engine/torch/library.h"

#include <ATen/Context.h>
#include <ATen/ops/from_blob.h>
#include <torch/version.h>

#include "core/error.h"
#include "core_id.h"  // made by CMake
#include "engine/torch/executor.h"
#include "engine/torch/ranks.h"
#include "engine/torch_engine.h"

namespace digitnet::engine {
namespace {

// In builds for AMD's GPUs these are devices of type "cuda", too.
bool for_amd() { return at::hasHIP() || at::globalContext().hasROCM(); }

int gpu_count() {
  return at::hasCUDA() && !for_amd() ? at::detail::getCUDAHooks().getNumGPUs()
                                     : 0;
}

std::string no_gpu_reason() {
  return reason_without_gpu({for_amd(), at::hasXPU(), at::hasMPS()});
}

SharedTensor share(double* values, int64_t count) {
  return shared(at::from_blob(values, {count}, at::kDouble));
}

}  // namespace

std::string reason_without_gpu(const OtherGpus& others) {
  const char* vendor = others.amd     ? "AMD"
                       : others.intel ? "Intel"
                       : others.apple ? "Apple"
                                      : nullptr;
  if (!vendor) return "torch here is the CPU build or finds no device";
  return join("torch here is a build for GPUs of ", vendor,
              ", and only NVIDIA's are supported, with a CUDA build of torch");
}

const TorchEngine* linked_torch_engine() {
  static const TorchEngine engine = {make_torch_executor, gpu_count,
                                     no_gpu_reason, share};
  return &engine;
}

}  // namespace digitnet::engine

#define DIGITNET_TEXT_OF(number) #number
#define DIGITNET_MINOR(major, minor) \
  DIGITNET_TEXT_OF(major) "." DIGITNET_TEXT_OF(minor)

const char digitnet_torch_engine_core[] = DIGITNET_CORE_ID;
const char digitnet_torch_engine_minor[] =
    DIGITNET_MINOR(TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR);

const digitnet::engine::TorchEngine* digitnet_torch_engine() {
  return digitnet::engine::linked_torch_engine();
}
