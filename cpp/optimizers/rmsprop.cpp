#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "optimizers/all.h"

namespace digitnet::optimizers {
namespace {

void update(const Options& options, const at::Tensor& lr, const at::Tensor&,
            const at::Tensor& value, const at::Tensor& gradient,
            const std::vector<at::Tensor>& state) {
  const double decay = number(options, "weight_decay");
  const double rho = number(options, "rho");
  const double momentum = number(options, "momentum");
  if (decay != 0) gradient.add_(value, decay);
  const at::Tensor& square = state[0];
  square.mul_(rho).addcmul_(gradient, gradient, 1 - rho);
  const at::Tensor scale = square.sqrt().add_(number(options, "epsilon"));
  if (momentum == 0) {
    value.sub_(gradient.div(scale).mul_(lr));
    return;
  }
  state[1].mul_(momentum).addcdiv_(gradient, scale);
  value.sub_(state[1] * lr);
}

}  // namespace

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
          update,
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
