// Every optimizer, in one list. To add one: write
// cpp/optimizers/<name>.cpp, declare it here, add it to all(), and say how
// LibTorch takes the step in cpp/engine/torch/optimizers.cpp.
#pragma once

#include <vector>

#include "core/options.h"
#include "kernels/kernels.h"

namespace digitnet::optimizers {

// One step by a kernel of the native executor; configure() sets its options
// once, before the first step. LibTorch's are in engine/torch/optimizers.cpp.
using Kernel = void (*kernels::Kernels::*)(const kernels::Update&);
using Configure = void (*)(const Options& options, kernels::Update& update);

struct OptimizerEntry {
  std::string name;
  std::string summary;
  std::string source;
  double default_lr;
  int states;  // state tensors, each the size of the parameters, zero at first
  std::vector<OptionInfo> options;
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
