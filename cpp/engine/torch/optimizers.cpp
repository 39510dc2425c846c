#include "engine/torch/optimizers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>

#include <optional>

#include "core/list.h"

namespace digitnet::engine {
namespace {

// LibTorch's own. The velocity is 0 at first, so that no step is the first one.
void sgd(const Options& options, const at::Tensor& lr, const at::Tensor&,
         const at::Tensor& value, const at::Tensor& gradient,
         const std::vector<at::Tensor>& state) {
  const double momentum = number(options, "momentum");
  const at::TensorList velocity = momentum == 0 ? at::TensorList() : state;
  at::_fused_sgd_({value}, {gradient}, velocity,
                  number(options, "weight_decay"), momentum, lr, 0,
                  flag(options, "nesterov"), false, false);
}

using Fused = void (*)(at::TensorList, at::TensorList, at::TensorList,
                       at::TensorList, at::TensorList, at::TensorList,
                       const at::Tensor&, double, double, double, double, bool,
                       bool, const std::optional<at::Tensor>&,
                       const std::optional<at::Tensor>&);

// LibTorch's own: one kernel on a GPU.
template <Fused fused>
void adam(const Options& options, const at::Tensor& lr, const at::Tensor& step,
          const at::Tensor& value, const at::Tensor& gradient,
          const std::vector<at::Tensor>& state) {
  fused({value}, {gradient}, {state[0]}, {state[1]}, {}, {step}, lr,
        number(options, "beta1"), number(options, "beta2"),
        number(options, "weight_decay"), number(options, "epsilon"), false,
        false, {}, {});
}

void rmsprop(const Options& options, const at::Tensor& lr, const at::Tensor&,
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

struct Entry {
  std::string name;
  TorchUpdate update;
};

const std::vector<Entry>& updates() {
  static const std::vector<Entry> entries = {{"adam", adam<at::_fused_adam_>},
                                             {"adamw", adam<at::_fused_adamw_>},
                                             {"rmsprop", rmsprop},
                                             {"sgd", sgd}};
  return entries;
}

}  // namespace

TorchUpdate torch_update(const std::string& optimizer) {
  return find(updates(), "torch optimizer", optimizer).update;
}

}  // namespace digitnet::engine
