#include "engine/torch/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gru.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logit.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "core/list.h"
#include "engine/torch/batch_norm.h"
#include "models/layers.h"

namespace digitnet::engine {
namespace {

using models::Layer;

constexpr double kTiny = 1e-12;  // beside squares whose root has a gradient

at::Tensor optional(const Tensors& tensors, const char* name) {
  const auto found = tensors.find(name);
  return found == tensors.end() ? at::Tensor() : found->second;
}

at::Tensor conv(const Layer& layer, const Tensors& tensors, bool,
                const at::Tensor& x, RunState&) {
  return at::conv2d(x, tensors.at("weight"), optional(tensors, "bias"),
                    integer(layer.options, "stride"),
                    models::layers::conv_padding(layer), 1,
                    integer(layer.options, "groups"));
}

at::Tensor dense(const Layer&, const Tensors& tensors, bool,
                 const at::Tensor& x, RunState&) {
  return at::linear(x, tensors.at("weight"), optional(tensors, "bias"));
}

at::Tensor batch_norm(const Layer& layer, const Tensors& tensors, bool frozen,
                      const at::Tensor& x, RunState& state) {
  const bool adapting = state.statistics_momentum > 0;
  const bool uses_batch = adapting || (state.training && !frozen);
  const double momentum =
      adapting ? state.statistics_momentum : number(layer.options, "momentum");
  const bool one_value = x.numel() == x.size(1);  // a channel
  if (uses_batch && (one_value || (state.ranks && state.ranks->several())))
    return batch_norm_by_sums(layer, tensors, momentum, x, state);
  const auto normalised = [&](const at::Tensor& part, bool updates_running) {
    return at::batch_norm(
        part, tensors.at("weight"), tensors.at("bias"),
        updates_running ? tensors.at("running_mean") : at::Tensor(),
        updates_running ? tensors.at("running_var") : at::Tensor(), uses_batch,
        momentum, number(layer.options, "epsilon"), true);
  };
  const int64_t unlabelled = x.size(0) - state.labelled;
  if (!uses_batch || state.labelled < 2 || unlabelled < 2)
    return normalised(x, true);
  // Each domain by its own statistics; the second's are kept, for that is where
  // the network will work. Source: Chang et al., "Domain-specific batch
  // normalization", CVPR 2019.
  return at::cat({normalised(x.narrow(0, 0, state.labelled), false),
                  normalised(x.narrow(0, state.labelled, unlabelled), true)});
}

at::Tensor max_pool(const Layer& layer, const Tensors&, bool,
                    const at::Tensor& x, RunState&) {
  return at::max_pool2d(x, integer(layer.options, "size"),
                        models::layers::pool_stride(layer),
                        models::layers::pool_padding(layer));
}

at::Tensor average_pool(const Layer& layer, const Tensors&, bool,
                        const at::Tensor& x, RunState&) {
  return at::avg_pool2d(x, integer(layer.options, "size"),
                        models::layers::pool_stride(layer));
}

at::Tensor adaptive_average_pool(const Layer& layer, const Tensors&, bool,
                                 const at::Tensor& x, RunState&) {
  const int64_t size = integer(layer.options, "size");
  const int64_t height = x.size(2), width = x.size(3);
  // Of one window LibTorch itself takes the mean.
  if (size > 1 && height % size == 0 && width % size == 0)
    return at::avg_pool2d(x, {height / size, width / size});
  if (size % height == 0 && size % width == 0)
    return at::upsample_nearest2d(x, {size, size});
  return at::adaptive_avg_pool2d(x, {size, size});
}

at::Tensor upsample(const Layer& layer, const Tensors&, bool,
                    const at::Tensor& x, RunState&) {
  const int64_t factor = integer(layer.options, "factor");
  return at::upsample_nearest2d(x, {x.size(2) * factor, x.size(3) * factor});
}

at::Tensor layer_norm(const Layer& layer, const Tensors& tensors, bool,
                      const at::Tensor& x, RunState&) {
  const double epsilon = number(layer.options, "epsilon");
  const at::Tensor &weight = tensors.at("weight"), &bias = tensors.at("bias");
  if (x.dim() == 2)
    return at::layer_norm(x, {x.size(1)}, weight, bias, epsilon);
  const at::Tensor pixels = x.permute({0, 2, 3, 1});
  return at::layer_norm(pixels, {x.size(1)}, weight, bias, epsilon)
      .permute({0, 3, 1, 2});
}

// Rows from the top are steps of a sequence. Biases of its own for the state.
// cuDNN has a backward pass only for what was computed in its training mode,
// which without dropout changes no number.
at::Tensor gru(const Layer& layer, const Tensors& tensors, bool,
               const at::Tensor& x, RunState&) {
  const at::Tensor steps = x.permute({0, 2, 1, 3}).flatten(2);  // [N, H, C * W]
  const at::Tensor start =
      at::zeros({1, x.size(0), integer(layer.options, "units")}, x.options());
  return std::get<1>(
             at::gru(steps, start,
                     {tensors.at("weight_ih_l0"), tensors.at("weight_hh_l0"),
                      tensors.at("bias_ih_l0"), tensors.at("bias_hh_l0")},
                     true, 1, 0, at::GradMode::is_enabled(), false, true))
      .squeeze(0);
}

// softmax(q k' / sqrt(size of a head)) v over the pixels, head by head.
at::Tensor attention(const Layer& layer, const Tensors&, bool,
                     const at::Tensor& x, RunState&) {
  const int64_t heads = integer(layer.options, "heads");
  const int64_t size = x.size(1) / 3 / heads, pixels = x.size(2) * x.size(3);
  const auto parts =
      x.reshape({x.size(0), 3, heads, size, pixels}).transpose(3, 4).unbind(1);
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  const at::Tensor weights =
      at::softmax(at::matmul(parts[0] * scale, parts[1].transpose(2, 3)), 3);
  return at::matmul(weights, parts[2])  // [N, heads, pixels, size]
      .transpose(2, 3)
      .reshape({x.size(0), heads * size, x.size(2), x.size(3)});
}

// s |s| / (1 + |s|^2) of the vectors along the last dimension: their
// directions, and lengths below 1.
at::Tensor squashed(const at::Tensor& s) {
  const at::Tensor squares = s.square().sum(-1, true);
  return s * (squares + kTiny).sqrt() / (1 + squares);
}

// Dynamic routing: every input vector predicts one vector a class; in each
// round predictions that agree with the class's output get more weight. Source:
// Sabour, Frosst, Hinton, NeurIPS 2017, procedure 1.
at::Tensor capsules(const Layer& layer, const Tensors& tensors, bool,
                    const at::Tensor& x, RunState&) {
  const int64_t units = integer(layer.options, "units");
  const int64_t size = integer(layer.options, "size");
  const int64_t inputs = integer(layer.options, "inputs");
  const int64_t pixels = x.size(2) * x.size(3);
  const at::Tensor vectors =
      squashed(x.reshape({x.size(0), x.size(1) / inputs, inputs, pixels})
                   .transpose(2, 3)
                   .reshape({x.size(0), -1, inputs}));  // [N, n, inputs]
  const at::Tensor predictions =
      at::matmul(vectors.transpose(0, 1), tensors.at("weight").transpose(1, 2))
          .transpose(0, 1)
          .reshape({x.size(0), -1, units, size});  // [N, n, units, size]
  at::Tensor output, agreement = at::zeros(
                         {x.size(0), predictions.size(1), units}, x.options());
  for (int64_t round = integer(layer.options, "routing"); round > 0; --round) {
    output = squashed((at::softmax(agreement, 2).unsqueeze(3) * predictions)
                          .sum(1));  // [N, units, size]
    if (round > 1)
      agreement = agreement + (predictions * output.unsqueeze(1)).sum(3);
  }
  return output.flatten(1);
}

at::Tensor capsule_logits(const Layer& layer, const Tensors&, bool,
                          const at::Tensor& x, RunState&) {
  const at::Tensor vectors =
      x.reshape({x.size(0), -1, integer(layer.options, "size")});
  const at::Tensor lengths =
      (vectors.square().sum(2) + kTiny).sqrt().clamp_max(1 - 1e-6);
  return at::logit(lengths);
}

// The mask comes from our generator, never from torch's global one.
at::Tensor dropout(const Layer& layer, const Tensors&, bool,
                   const at::Tensor& x, RunState& state) {
  const double keep = 1 - number(layer.options, "rate");
  if (!state.training || keep == 1) return x;
  // Drawn as floats, whatever the precision: the same masks.
  const at::Tensor mask =
      at::empty_like(x, at::kFloat).bernoulli_(keep, *state.random).div_(keep);
  return x * mask.to(x.dtype());
}

struct Entry {
  std::string name;
  Forward forward;
};

const std::vector<Entry>& forwards() {
  static const std::vector<Entry> entries = {
      {"conv", conv},
      {"dense", dense},
      {"batch_norm", batch_norm},
      {"layer_norm", layer_norm},
      {"position",
       [](const Layer&, const Tensors& tensors, bool, const at::Tensor& x,
          RunState&) { return x + tensors.at("weight"); }},
      {"gru", gru},
      {"max_pool", max_pool},
      {"average_pool", average_pool},
      {"adaptive_average_pool", adaptive_average_pool},
      {"upsample", upsample},
      {"flatten", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                     RunState&) { return x.flatten(1); }},
      {"dropout", dropout},
      {"relu", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                  RunState&) { return at::relu(x); }},
      {"relu6", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                   RunState&) { return at::hardtanh(x, 0, 6); }},
      {"sigmoid", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                     RunState&) { return at::sigmoid(x); }},
      {"tanh", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                  RunState&) { return at::tanh(x); }},
      {"gelu", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                  RunState&) { return at::gelu(x); }},
      {"softmax", [](const Layer&, const Tensors&, bool, const at::Tensor& x,
                     RunState&) { return at::softmax(x, 1); }},
      {"attention", attention},
      {"capsules", capsules},
      {"capsule_logits", capsule_logits},
  };
  return entries;
}

}  // namespace

Forward torch_forward(const std::string& kind) {
  return find(forwards(), "torch layer", kind).forward;
}

}  // namespace digitnet::engine
