// How each kind of layer computes in LibTorch.
#pragma once

#include <ATen/Generator.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/ranks.h"
#include "models/layer.h"

namespace digitnet::engine {

using Tensors = std::map<std::string, at::Tensor>;  // "weight", "bias", ...

struct RunState {
  bool training = false;
  at::Generator* random = nullptr;  // for dropout, in training
  // Called with the output of each layer that is not composite, if set.
  std::function<void(const std::string&, const at::Tensor&)> observe = {};
  // Not 0: batch norms go by this batch and move their statistics by so much.
  double statistics_momentum = 0;

  // Who trains along, if anybody, and the samples of the global batch.
  const Ranks* ranks = nullptr;
  int64_t global_count = 0;

  // What decoders and domain heads beside the network train on.
  at::Tensor input = {};   // of the network
  at::Tensor labels = {};  // [N], or undefined
  int64_t labelled = -1;   // samples of the first domain; -1: no second
  double reversal_coefficient = 0;
  at::Tensor auxiliary_losses = {};  // [N] of them, or undefined

  void add_loss(const at::Tensor& losses) {
    auxiliary_losses =
        auxiliary_losses.defined() ? auxiliary_losses + losses : losses;
  }
};

// x: [N, C, H, W] channels-last, or [N, features]. `frozen`: batch statistics
// stay.
using Forward = at::Tensor (*)(const models::Layer& layer,
                               const Tensors& tensors, bool frozen,
                               const at::Tensor& x, RunState& state);

// The kinds that are not composite. Throws std::invalid_argument for others.
Forward torch_forward(const std::string& kind);

}  // namespace digitnet::engine
