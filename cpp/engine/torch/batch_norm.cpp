#include "engine/torch/batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/var_mean.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "engine/torch/ranks.h"

namespace digitnet::engine {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Moments {
  at::Tensor count, mean, variance;  // over the ranks; [1], [C], [C] floats
};

// What a channel's tensors [C] are beside x [N, C, ...].
at::Tensor beside(const at::Tensor& channels, const at::Tensor& x) {
  std::vector<int64_t> shape(x.dim(), 1);
  shape[1] = -1;
  return channels.view(shape);
}

// The sum of squares holds the square of the mean. In double precision that
// may be 10^6 times the variance, and more, before digits of it are missed.
Moments moments_of(const at::Tensor& x, const Ranks* ranks) {
  std::vector<int64_t> others = {0};
  for (int64_t i = 2; i < x.dim(); ++i) others.push_back(i);
  const int64_t channels = x.size(1);
  const auto [variance, mean] = at::var_mean(x, others, 0);
  const at::Tensor own = at::stack({mean, variance}).to(at::kDouble);
  own[1].addcmul_(own[0], own[0]);
  const auto count = static_cast<double>(x.numel() / channels);
  at::Tensor sums = at::cat({at::full({1}, count, own.options()),
                             own.view({-1}).mul_(count)});  // [1 + 2C]
  if (ranks && ranks->several()) sums = all_reduced(sums, *ranks);
  const at::Tensor total = sums.narrow(0, 0, 1);
  const at::Tensor means =
      (sums.narrow(0, 1, 2 * channels) / total).view({2, channels});
  means[1].addcmul_(means[0], means[0], -1).clamp_min_(0);
  const at::Tensor floats = means.to(at::kFloat);
  return {total.to(at::kFloat), floats[0], floats[1]};
}

struct BatchNormBySums : public torch::autograd::Function<BatchNormBySums> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const Moments& moments, double epsilon,
                            int64_t ranks) {
    context->save_for_backward({input, weight});
    context->saved_data["count"] = moments.count;
    context->saved_data["mean"] = moments.mean;
    context->saved_data["variance"] = moments.variance;
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["ranks"] = ranks;
    return at::batch_norm(input.to(at::kFloat), weight, bias, moments.mean,
                          moments.variance, false, 0, epsilon, true)
        .to(input.dtype());
  }

  // Weight and bias: this rank's sums, as of every other layer. The input: by
  // those of all ranks, for it moved everybody's mean and variance.
  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    at::NoGradGuard guard;
    const variable_list saved = context->get_saved_variables();
    const at::Tensor x = saved[0].to(at::kFloat), &weight = saved[1];
    const at::Tensor count = context->saved_data["count"].toTensor();
    const at::Tensor mean = context->saved_data["mean"].toTensor();
    const at::Tensor variance = context->saved_data["variance"].toTensor();
    const double epsilon = context->saved_data["epsilon"].toDouble();
    const auto* ranks =
        reinterpret_cast<const Ranks*>(context->saved_data["ranks"].toInt());
    const at::Tensor dy = gradients[0].to(at::kFloat);
    const auto [none, by_weight, by_bias] =
        at::native_batch_norm_backward(dy, x, weight, mean, variance, {}, {},
                                       false, epsilon, {false, true, true});
    at::Tensor sums = at::stack({by_weight, by_bias});  // [2, C]
    if (ranks && ranks->several()) sums = all_reduced(sums, *ranks);
    const at::Tensor means = sums / count;
    const at::Tensor inverse = (variance + epsilon).rsqrt();
    const at::Tensor dx = (x - beside(mean, x))
                              .mul_(beside(means[0] * inverse, x))
                              .add_(beside(means[1], x))
                              .sub_(dy)
                              .mul_(beside(weight * inverse, x).neg());
    return {dx.to(saved[0].dtype()),
            by_weight,
            by_bias,
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor batch_norm_by_sums(const models::Layer& layer,
                              const Tensors& tensors, double momentum,
                              const at::Tensor& x, const RunState& state) {
  Moments moments;
  {
    at::NoGradGuard guard;
    moments = moments_of(x.detach().to(at::kFloat), state.ranks);
    const int64_t samples =
        state.global_count > 0 ? state.global_count : x.size(0);
    const auto values =
        static_cast<double>(samples * (x.numel() / (x.size(0) * x.size(1))));
    tensors.at("running_mean").lerp_(moments.mean, momentum);
    tensors.at("running_var")
        .lerp_(moments.variance * (values / std::max(1.0, values - 1)),
               momentum);
  }
  // A pointer as a number, for saved_data takes no other.
  return BatchNormBySums::apply(x, tensors.at("weight"), tensors.at("bias"),
                                moments, number(layer.options, "epsilon"),
                                reinterpret_cast<int64_t>(state.ranks));
}

}  // namespace digitnet::engine
