// The executor that runs a plan of our own kernels on the CPU.
#pragma once

#include "engine/executor.h"

namespace digitnet::engine {

// Throws native::NotCovered if a layer has no kernel.
std::unique_ptr<Executor> make_native_executor(models::Model& model);

}  // namespace digitnet::engine
