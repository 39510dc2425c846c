#include <ATen/core/Tensor.h>

#include <cmath>

#include "train/optimizers.h"

namespace digitnet::train::optimizers {
namespace {

void step_adam(const Options& options, double lr, int64_t step,
               const at::Tensor& value, const at::Tensor& gradient,
               const std::vector<at::Tensor>& state) {
  const double beta1 = number(options, "beta1"),
               beta2 = number(options, "beta2");
  const at::Tensor& mean = state[0];
  const at::Tensor& square = state[1];
  mean.lerp_(gradient, 1 - beta1);
  square.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
  const double correct1 = 1 - std::pow(beta1, static_cast<double>(step));
  const double correct2 = 1 - std::pow(beta2, static_cast<double>(step));
  at::Tensor scale =
      square.sqrt().div_(std::sqrt(correct2)).add_(number(options, "epsilon"));
  value.addcdiv_(mean, scale, -lr / correct1);
}

void update_adam(const Options& options, double lr, int64_t step,
                 const at::Tensor& value, const at::Tensor& gradient,
                 const std::vector<at::Tensor>& state) {
  const double decay = number(options, "weight_decay");
  if (decay != 0) gradient.add_(value, decay);
  step_adam(options, lr, step, value, gradient, state);
}

void update_adamw(const Options& options, double lr, int64_t step,
                  const at::Tensor& value, const at::Tensor& gradient,
                  const std::vector<at::Tensor>& state) {
  value.mul_(1 - lr * number(options, "weight_decay"));
  step_adam(options, lr, step, value, gradient, state);
}

void configure(const Options& options, kernels::Update& update) {
  update.beta1 = number(options, "beta1");
  update.beta2 = number(options, "beta2");
  update.epsilon = static_cast<float>(number(options, "epsilon"));
  update.weight_decay = static_cast<float>(number(options, "weight_decay"));
}

std::vector<OptionInfo> options(double decay, const char* decay_summary) {
  return {{"beta1", OptionType::Real, 0.9, 0, 0.9999999,
           "memory of the gradient's mean"},
          {"beta2", OptionType::Real, 0.999, 0, 0.9999999,
           "memory of the gradient's square"},
          {"epsilon", OptionType::Real, 1e-8, 1e-16, 1,
           "added to the root of the square"},
          {"weight_decay", OptionType::Real, decay, 0, 1, decay_summary}};
}

}  // namespace

OptimizerEntry adam() {
  return {"adam",
          "steps scaled by the gradient's first two moments",
          "Kingma, Ba, ICLR 2015",
          0.002,
          2,
          options(0, "added to the gradient, times the weight"),
          update_adam,
          &kernels::Kernels::adam,
          configure};
}

OptimizerEntry adamw() {
  return {"adamw",
          "Adam with decoupled weight decay",
          "Loshchilov, Hutter, ICLR 2019",
          0.002,
          2,
          options(0.01, "taken from the weight, times the learning rate"),
          update_adamw,
          &kernels::Kernels::adamw,
          configure};
}

}  // namespace digitnet::train::optimizers
