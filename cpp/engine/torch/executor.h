// The executor that runs any network by LibTorch and its autograd.
#pragma once

#include <memory>
#include <string>

#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::engine {

// `device` as resolve_device() returns it, or "meta": tensors that have a shape
// and no content.
std::unique_ptr<Executor> make_torch_executor(models::Model& model,
                                              const std::string& device);

}  // namespace digitnet::engine
