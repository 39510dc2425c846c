// Losses of networks with classes, with gradients: [N, K] and [N] to [N].
#pragma once

#include <ATen/core/Tensor.h>

namespace digitnet::engine {

// `smoothing`: the part of the truth that is spread over all classes.
at::Tensor cross_entropies(const at::Tensor& logits, const at::Tensor& labels,
                           double smoothing);

// Of lengths of capsules, given as log-odds. Source: Sabour et al., 2017,
// equation 4.
at::Tensor margin_losses(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace digitnet::engine
