// One step of each optimizer by LibTorch. To add one: write its function in
// optimizers.cpp under its name in optimizers/all.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/options.h"

namespace digitnet::engine {

// On a block of parameters, in place, on the device where all of them are. No
// number comes from the host, so that a CUDA graph can replay it.
//   value, gradient, state[i]   [P] float
//   lr, step                    one float; in the first update `step` is 1
using TorchUpdate = void (*)(const Options& options, const at::Tensor& lr,
                             const at::Tensor& step, const at::Tensor& value,
                             const at::Tensor& gradient,
                             const std::vector<at::Tensor>& state);

// Throws std::invalid_argument for a name that has none.
TorchUpdate torch_update(const std::string& optimizer);

}  // namespace digitnet::engine
