#include "optimizers/all.h"

namespace digitnet::optimizers {
OptimizerEntry rmsprop() {
  return {"rmsprop",
          "steps scaled by the gradient's recent size",
          "Tieleman, Hinton, Coursera lecture 6.5, 2012",
          0.001,
          2,
          {{"rho", OptionType::Real, 0.9, 0, 0.9999999,
            "memory of the gradient's square"},
           {"epsilon", OptionType::Real, 1e-8, 1e-16, 1,
            "added to the root of the square"},
           {"momentum", OptionType::Real, 0.0, 0, 1,
            "part of the last step that goes on"},
           {"weight_decay", OptionType::Real, 0.0, 0, 1,
            "added to the gradient, times the weight"}},
          &kernels::Kernels::rmsprop,
          [](const Options& options, kernels::Update& update) {
            update.beta1 = number(options, "rho");
            update.epsilon = static_cast<float>(number(options, "epsilon"));
            update.momentum = static_cast<float>(number(options, "momentum"));
            update.weight_decay =
                static_cast<float>(number(options, "weight_decay"));
          }};
}

}  // namespace digitnet::optimizers
