// Losses of networks with classes, with gradients: [N, K] and [N] to [N].
#pragma once

#include <ATen/core/Tensor.h>

#include "models/model.h"

namespace digitnet::engine {

// Of the kind that the model is trained by.
at::Tensor losses_of(models::Loss loss, const at::Tensor& logits,
                     const at::Tensor& labels, double label_smoothing);

// `label_smoothing`: the part of the target that all classes share evenly.
at::Tensor cross_entropies(const at::Tensor& logits, const at::Tensor& labels,
                           double label_smoothing);

// Of lengths of capsules, given as log-odds. Source: Sabour et al., 2017,
// equation 4.
at::Tensor margin_losses(const at::Tensor& logits, const at::Tensor& labels);
// The same by `truth`: 1 where a class is the image's, [N, K].
at::Tensor margins_of(const at::Tensor& logits, const at::Tensor& truth);

}  // namespace digitnet::engine
