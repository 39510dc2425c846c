// The executor that runs any network by LibTorch and its autograd.
#pragma once

#include <memory>
#include <string>

#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::engine {

// See TorchEngine::make_executor.
std::unique_ptr<Executor> make_torch_executor(models::Model& model,
                                              const std::string& device,
                                              int threads);

}  // namespace digitnet::engine
