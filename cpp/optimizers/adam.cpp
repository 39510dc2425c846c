#include "optimizers/all.h"

namespace digitnet::optimizers {
namespace {

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
          &kernels::Kernels::adamw,
          configure};
}

}  // namespace digitnet::optimizers
