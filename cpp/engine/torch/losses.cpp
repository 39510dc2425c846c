#include "engine/torch/losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/nll_loss.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/sigmoid.h>

namespace digitnet::engine {

at::Tensor margins_of(const at::Tensor& logits, const at::Tensor& truth) {
  const at::Tensor lengths = at::sigmoid(logits);
  const at::Tensor present = (models::kPresent - lengths).clamp_min(0).square();
  const at::Tensor absent = (lengths - models::kAbsent).clamp_min(0).square();
  return (truth * present + models::kAbsentWeight * (1 - truth) * absent)
      .sum(1);
}

at::Tensor losses_of(models::Loss loss, const at::Tensor& logits,
                     const at::Tensor& labels, double label_smoothing) {
  return loss == models::Loss::Margin
             ? margin_losses(logits, labels)
             : cross_entropies(logits, labels, label_smoothing);
}

at::Tensor cross_entropies(const at::Tensor& logits, const at::Tensor& labels,
                           double label_smoothing) {
  const at::Tensor log_probability = at::log_softmax(logits, 1);
  at::Tensor loss =
      at::nll_loss(log_probability, labels, {}, at::Reduction::None);
  if (label_smoothing > 0) {
    loss = loss * (1 - label_smoothing) -
           log_probability.mean(1) * label_smoothing;
  }
  return loss;
}

at::Tensor margin_losses(const at::Tensor& logits, const at::Tensor& labels) {
  return margins_of(logits,
                    at::one_hot(labels, logits.size(1)).to(logits.dtype()));
}

}  // namespace digitnet::engine
