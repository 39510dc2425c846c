// The LibTorch engine as the rest of the core sees it. It is a library of its
// own (torch/), one for each minor version of torch, and loaded when it is
// first needed: nothing else here knows of torch.
//
//   make_executor()  -> torch_engine() -> the loader (set_torch_loader):
//     bindings/engine.cpp -> digitnet/_utils/torch_engine.py, which finds the
//     library for the torch that is installed, imports that, and calls
//     load_torch_engine()
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::engine {

// What the library gives.
struct TorchEngine {
  // `device` is "cpu", "cuda", "cuda:1", or "meta": tensors that have a shape
  // and no content. `threads`: of its own thread pool. Borrows the model.
  std::unique_ptr<Executor> (*make_executor)(models::Model& model,
                                             const std::string& device,
                                             int threads);
  int (*gpu_count)();  // of NVIDIA
  // Why there is none: "torch here is the CPU build or finds no device".
  std::string (*no_gpu_reason)();
  // Numbers of the host as a tensor that borrows them.
  SharedTensor (*share)(double* values, int64_t count);
};

// The library's symbols. The first is the core_id() of the sources that it was
// compiled from: classes of both sides must have one layout. The second is the
// minor version of torch that it was compiled for, "2.13", which its file name
// also says.
constexpr char kTorchEngineCore[] = "digitnet_torch_engine_core";
constexpr char kTorchEngineMinor[] = "digitnet_torch_engine_minor";
constexpr char kTorchEngineEntry[] = "digitnet_torch_engine";
using TorchEngineEntry = const TorchEngine* (*)();

// A hash of the sources of the core and of the LibTorch engine.
const char* core_id();

// Loads it if it is not there yet. Throws std::runtime_error saying whether
// torch is absent, or has no engine here, and what to do.
const TorchEngine& torch_engine();
// The same for what can do without: null if it cannot be had, which the loader
// is told to warn of the first time.
const TorchEngine* optional_torch_engine();
// Null before the first successful torch_engine().
const TorchEngine* loaded_torch_engine();

// Opens a library whose torch has been loaded into the process. Throws
// std::runtime_error naming the file if it is damaged, was compiled from other
// sources, or for another torch than its name says.
void load_torch_engine(const std::string& path);
// For programs that have the engine linked in.
void set_torch_engine(const TorchEngine* engine);

// Both may be called from any thread, without the GIL.
struct TorchLoader {
  std::function<void()> load;  // load_torch_engine(), or std::runtime_error
  std::function<void(const std::string& reason)> warn;  // of no engine
};
void set_torch_loader(TorchLoader loader);

}  // namespace digitnet::engine
