// Batch norm by sums of our own: over the samples of all ranks, and where
// LibTorch divides by the number of values less one, which may be 0.
#pragma once

#include "engine/torch/layers.h"

namespace digitnet::engine {

// x: [N, C, ...], normalised by the mean and the variance that all ranks'
// values of a channel have; in its own type, computed in float32. Moves the
// running statistics by `momentum`. One all_reduce forward and one backward.
// The ranks must outlive the backward pass. Where every rank has the whole
// batch, counts and sums have it several times, and the result is the same.
// Source: Ioffe and Szegedy, "Batch normalization", ICML 2015.
at::Tensor batch_norm_by_sums(const models::Layer& layer,
                              const Tensors& tensors, double momentum,
                              const at::Tensor& x, const RunState& state);

}  // namespace digitnet::engine
