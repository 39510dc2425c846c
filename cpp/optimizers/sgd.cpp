#include "optimizers/all.h"

namespace digitnet::optimizers {
OptimizerEntry sgd() {
  return {"sgd",
          "stochastic gradient descent with momentum",
          "Sutskever et al., ICML 2013",
          0.01,
          1,
          {{"momentum", OptionType::Real, 0.0, 0, 1,
            "part of the last step that goes on"},
           {"nesterov", OptionType::Flag, 0.0, 0, 1,
            "look ahead along the momentum"},
           {"weight_decay", OptionType::Real, 0.0, 0, 1,
            "added to the gradient, times the weight"}},
          &kernels::Kernels::sgd,
          [](const Options& options, kernels::Update& update) {
            update.momentum = static_cast<float>(number(options, "momentum"));
            update.nesterov = flag(options, "nesterov");
            update.weight_decay =
                static_cast<float>(number(options, "weight_decay"));
          }};
}

}  // namespace digitnet::optimizers
