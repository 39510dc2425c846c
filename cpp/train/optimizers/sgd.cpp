#include <ATen/core/Tensor.h>

#include "train/optimizers.h"

namespace digitnet::train::optimizers {
namespace {

void update(const Options& options, double lr, int64_t step,
            const at::Tensor& value, const at::Tensor& gradient,
            const std::vector<at::Tensor>& state) {
  const double decay = number(options, "weight_decay");
  const double momentum = number(options, "momentum");
  if (decay != 0) gradient.add_(value, decay);
  if (momentum == 0) {
    value.add_(gradient, -lr);
    return;
  }
  const at::Tensor& velocity = state[0];
  if (step == 1) {
    velocity.copy_(gradient);
  } else {
    velocity.mul_(momentum).add_(gradient);
  }
  if (flag(options, "nesterov")) {
    gradient.add_(velocity, momentum);
    value.add_(gradient, -lr);
  } else {
    value.add_(velocity, -lr);
  }
}

}  // namespace

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
          update,
          &kernels::Kernels::sgd,
          [](const Options& options, kernels::Update& update) {
            update.momentum = static_cast<float>(number(options, "momentum"));
            update.nesterov = flag(options, "nesterov");
            update.weight_decay =
                static_cast<float>(number(options, "weight_decay"));
          }};
}

}  // namespace digitnet::train::optimizers
