#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_sgd.h>

#include "optimizers/all.h"

namespace digitnet::optimizers {
namespace {

// LibTorch's own. The velocity is 0 at first, so that no step is the first one.
void update(const Options& options, const at::Tensor& lr, const at::Tensor&,
            const at::Tensor& value, const at::Tensor& gradient,
            const std::vector<at::Tensor>& state) {
  const double momentum = number(options, "momentum");
  const at::TensorList velocity = momentum == 0 ? at::TensorList() : state;
  at::_fused_sgd_({value}, {gradient}, velocity,
                  number(options, "weight_decay"), momentum, lr, 0,
                  flag(options, "nesterov"), false, false);
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

}  // namespace digitnet::optimizers
