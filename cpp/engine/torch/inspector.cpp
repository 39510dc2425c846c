#include "engine/torch/inspector.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "core/error.h"
#include "core/list.h"
#include "engine/torch/guarded.h"
#include "engine/torch/losses.h"
#include "engine/torch/tensors.h"

namespace digitnet::engine {
namespace {

// In row-major order, on the host.
std::vector<float> to_vector(const at::Tensor& x) {
  const at::Tensor host = x.detach().to(at::kCPU).contiguous();
  const float* values = host.const_data_ptr<float>();
  return {values, values + host.numel()};
}

// Never the images' own memory: it becomes a leaf that has a gradient.
at::Tensor leaf_of(const TorchNetwork& network, const float* images,
                   int64_t count) {
  return network.input(images, count).clone().requires_grad_(true);
}

// One unit of a layer's output for each sample, [count]; of a map its mean.
at::Tensor units_of(const at::Tensor& output, const Target& target) {
  const at::Tensor features =
      output.dim() == 4 ? output.mean({2, 3}) : output;  // [count, units]
  for (const int64_t unit : target.units) {
    require(unit >= 0 && unit < features.size(1),
            "features.unit: expected 0 to ", features.size(1) - 1, ", got ",
            unit);
  }
  const at::Tensor units = of_host(target.units).to(output.device());
  return features.gather(1, units.unsqueeze(1)).squeeze(1);
}

TargetGradients gradients_of(const TorchNetwork& network, at::Tensor x,
                             const Target& target, const std::string& layer) {
  at::Tensor base = layer.empty() ? x : at::Tensor(), output;
  std::vector<std::string> layers;
  RunState state;
  state.observe = [&](const std::string& path, const at::Tensor& y) {
    layers.push_back(path);
    if (path == layer) {
      base = y;
      base.retain_grad();
    }
    if (path == target.layer) output = y;
  };
  const at::Tensor logits = network(x, state);
  if (target.layer.empty()) output = logits;
  const std::string& absent = output.defined() ? layer : target.layer;
  require(output.defined() && base.defined(), "unknown layer '", absent,
          "'; known: ", listed(layers));
  const at::Tensor values = units_of(output, target);
  values.sum().backward();
  require(base.grad().defined(), "features.layer: expected one before '",
          target.layer.empty() ? "the logits" : target.layer, "', got '", layer,
          "'");
  return {to_vector(values), base.sizes().vec(), to_vector(base),
          to_vector(base.grad())};
}

}  // namespace

std::vector<Activation> TorchInspector::activations(
    const float* images, int64_t count,
    const std::vector<std::string>& layers) {
  return guarded(exact(), [&] {
    at::NoGradGuard guard;
    std::vector<Activation> result;
    RunState state;
    state.observe = [&](const std::string& path, const at::Tensor& x) {
      if (layers.empty() || std::count(layers.begin(), layers.end(), path) > 0)
        result.push_back({path, x.sizes().vec(), to_vector(x)});
    };
    network_(network_.input(images, count), state);
    return result;
  });
}

void TorchInspector::target_gradients(const float* images, int64_t count,
                                      const Target& target,
                                      const std::string& layer,
                                      TargetGradients& result) {
  guarded(exact(), [&] {
    at::AutoGradMode grad(true);
    result =
        gradients_of(network_, leaf_of(network_, images, count), target, layer);
  });
}

void TorchInspector::loss_gradients(const float* images, const int64_t* labels,
                                    int64_t count, double label_smoothing,
                                    LossGradients& result) {
  guarded(exact(), [&] {
    at::AutoGradMode grad(true);
    const at::Tensor x = leaf_of(network_, images, count);
    RunState state;
    const at::Tensor losses =
        losses_of(model_.loss(), network_(x, state),
                  of_host(labels, {count}).to(x.device()), label_smoothing);
    const auto gradients = torch::autograd::grad({losses.sum()}, {x});
    result = {to_vector(losses), to_vector(gradients[0])};
  });
}

void TorchInspector::observe_statistics(const float* images, int64_t count,
                                        double momentum) {
  guarded(exact(), [&] {
    at::NoGradGuard guard;
    RunState state;
    state.statistics_momentum = momentum;
    network_(network_.input(images, count), state);
  });
  model_.touch();
}

}  // namespace digitnet::engine
