// The LibTorch engine: for programs that have it linked in, and what its
// library lets others see.
#pragma once

#include <string>

#include "engine/torch_engine.h"

namespace digitnet::engine {

// For set_torch_engine().
const TorchEngine* linked_torch_engine();

// Which other vendors' GPUs the torch that is here could use.
struct OtherGpus {
  bool amd = false, intel = false, apple = false;
};
// Why there is no GPU for us.
std::string reason_without_gpu(const OtherGpus& others);

}  // namespace digitnet::engine

// The library's symbols: see torch_engine.h.
extern "C" {
__attribute__((
    visibility("default"))) extern const char digitnet_torch_engine_minor[];
__attribute__((
    visibility("default"))) extern const char digitnet_torch_engine_core[];
__attribute__((visibility("default"))) const digitnet::engine::TorchEngine*
digitnet_torch_engine();
}
