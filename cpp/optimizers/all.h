// Every optimizer, in one list. To add one: write
// cpp/optimizers/<name>.cpp, declare it here, add it to all().
#pragma once

#include <vector>

#include "core/options.h"
#include "kernels/kernels.h"

namespace at {
class Tensor;
}

namespace digitnet::optimizers {

// One step of LibTorch's executors on a block of parameters, in place, on the
// device where all of them are. No number comes from the host, so that a CUDA
// graph can replay it.
//   value, gradient, state[i]   [P] float
//   lr, step                    one float; in the first update `step` is 1
using Update = void (*)(const Options& options, const at::Tensor& lr,
                        const at::Tensor& step, const at::Tensor& value,
                        const at::Tensor& gradient,
                        const std::vector<at::Tensor>& state);

// The same by a kernel of the native executor; configure() sets its options
// once, before the first step.
using Kernel = void (*kernels::Kernels::*)(const kernels::Update&);
using Configure = void (*)(const Options& options, kernels::Update& update);

struct OptimizerEntry {
  std::string name;
  std::string summary;
  std::string source;
  double default_lr;
  int states;  // state tensors, each the size of the parameters, zero at first
  std::vector<OptionInfo> options;
  Update update;
  Kernel kernel;
  Configure configure;
};

OptimizerEntry sgd();  // momentum, Nesterov
OptimizerEntry adam();
OptimizerEntry adamw();  // decoupled weight decay
OptimizerEntry rmsprop();

inline const std::vector<OptimizerEntry>& all() {
  static const std::vector<OptimizerEntry> entries = {adam(), adamw(),
                                                      rmsprop(), sgd()};
  return entries;
}

}  // namespace digitnet::optimizers
