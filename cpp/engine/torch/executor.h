// The executor that runs any network by LibTorch and its autograd.
#pragma once

#include "engine/executor.h"

namespace digitnet::engine {

// `device` as resolve_device() returns it.
std::unique_ptr<Executor> make_torch_executor(models::Model& model,
                                              const std::string& device);

}  // namespace digitnet::engine
