// From the network tree to a list of operations: conv, ReLU, 2x2 max-pool and
// dropout are one; dense, ReLU and dropout; batch norm and ReLU or ReLU6.
#include <algorithm>
#include <map>
#include <stdexcept>

#include "core/error.h"
#include "engine/native/plan.h"
#include "models/layers.h"

namespace digitnet::engine::native {

using models::Layer;

namespace {

template <class Leaf>
void lay_flat(const Layer& layer, const std::string& path,
              std::vector<Leaf>& leaves) {
  if (layer.kind != "sequence") {
    leaves.push_back({layer, path});
    return;
  }
  for (const Layer& child : layer.children)
    lay_flat(child, models::joined_path(path, child.name), leaves);
}

}  // namespace

Plan::Plan(models::Model& model, const PlanOptions& options)
    : model_(model), options_(options) {
  input_ = &tensor(model.preprocess().output());
  input_->needs_gradient = options.input_gradient;
  output_ = &in_order(
      build(models::without_last_softmax(model.network()), "", *input_));
  place_weights();
}

Tensor& Plan::tensor(const Shape& shape, const Tensor* order) {
  auto result = std::make_unique<Tensor>();
  result->shape = shape;
  if (order && shape.flat) {
    result->height = order->height;
    result->width = order->width;
    result->channels = order->channels;
  } else {
    result->height = shape.height;
    result->width = shape.width;
    result->channels = shape.channels;
  }
  tensors_.push_back(std::move(result));
  return *tensors_.back();
}

Tensor& Plan::build(const Layer& layer, const std::string& path, Tensor& x) {
  std::vector<Leaf> leaves;
  lay_flat(layer, path, leaves);
  Tensor* at = &x;
  if (options_.fused) {
    for (size_t i = 0; i < leaves.size();) i = build_leaf(leaves, i, at);
  } else {
    // Alone, a layer finds none behind it to take along.
    for (const Leaf& leaf : leaves) build_leaf({leaf}, 0, at);
  }
  return *at;
}

void Plan::add_step(size_t first_op, std::vector<Tensor*> from,
                    std::vector<Tensor*> to) {
  steps_.push_back({std::move(from), std::move(to), first_op, ops_.size(),
                    auxiliary_, false});
}

Plan::Build Plan::build_of(const Layer& layer) {
  static const std::map<std::string, Build> builds = {
      {"conv", &Plan::build_conv},
      {"dense", &Plan::build_dense},
      {"batch_norm", &Plan::build_batch_norm},
      {"layer_norm", &Plan::build_layer_norm},
      {"max_pool", &Plan::build_pool},
      {"average_pool", &Plan::build_pool},
      {"adaptive_average_pool", &Plan::build_pool},
      {"upsample", &Plan::build_pool},
      {"flatten", &Plan::build_flatten},
      {"dropout", &Plan::build_dropout},
      {"relu", &Plan::build_activation},
      {"relu6", &Plan::build_activation},
      {"sigmoid", &Plan::build_activation},
      {"tanh", &Plan::build_activation},
      {"gelu", &Plan::build_activation},
      {"softmax", &Plan::build_activation},
      {"position", &Plan::build_position},
      {"gru", &Plan::build_gru},
      {"attention", &Plan::build_attention},
      {"capsules", &Plan::build_capsules},
      {"capsule_logits", &Plan::build_capsule_logits},
      {"residual", &Plan::build_composite},
      {"concat", &Plan::build_composite},
      {"reconstruct", &Plan::build_auxiliary},
      {"domain_head", &Plan::build_auxiliary},
  };
  const auto found = builds.find(layer.kind);
  if (found == builds.end())
    throw std::logic_error("native: expected an operation for " + layer.kind);
  return found->second;
}

size_t Plan::build_leaf(const std::vector<Leaf>& leaves, size_t at,
                        Tensor*& x) {
  const Leaf& leaf = leaves[at];
  const Build build = build_of(leaf.layer);
  const bool composite = !leaf.layer.children.empty();
  Tensor* const from = x;
  const size_t first_op = ops_.size();
  const size_t next = (this->*build)(leaves, at, x);
  if (composite) return next;  // its own steps are there
  add_step(first_op, {from}, {x});
  if (!options_.fused) layers_.push_back({leaf.path, x});
  return next;
}

// Flat features in the network's order: those that keep a map's are for dense
// layers, and what works feature by feature or on all of them. A step of its
// own.
Tensor& Plan::in_order(Tensor& x) {
  if (!x.shape.flat || x.height * x.width == 1) return x;
  Tensor& y = tensor(x.shape);
  y.needs_gradient = x.needs_gradient;
  ops_.push_back(make_reorder(x, y));
  add_step(ops_.size() - 1, {&x}, {&y});
  return y;
}

// The output of a layer that keeps its input's order of flat features.
Tensor& Plan::output_of(const Leaf& leaf, const Tensor& x) {
  Tensor& y = tensor(models::output_shape(leaf.layer, x.shape), &x);
  y.needs_gradient = x.needs_gradient;
  return y;
}

size_t Plan::build_flatten(const std::vector<Leaf>& leaves, size_t at,
                           Tensor*& x) {
  if (x->shape.flat) return at + 1;
  Tensor& y = output_of(leaves[at], *x);
  y.value_of = y.gradient_of = x;
  ops_.push_back(make_copy(*x, y));
  x = &y;
  return at + 1;
}

size_t Plan::build_pool(const std::vector<Leaf>& leaves, size_t at,
                        Tensor*& x) {
  const Layer& layer = leaves[at].layer;
  Tensor& y = output_of(leaves[at], *x);
  if (layer.kind == "adaptive_average_pool") {
    ops_.push_back(make_adaptive_average_pool(*x, y));
  } else if (layer.kind == "upsample") {
    ops_.push_back(make_upsample(*x, y));
  } else {
    const int64_t size = integer(layer.options, "size");
    const int64_t stride = models::layers::pool_stride(layer);
    ops_.push_back(layer.kind == "average_pool"
                       ? make_average_pool(*x, y, size, stride)
                       : make_max_pool(*x, y, size, stride,
                                       models::layers::pool_padding(layer)));
  }
  x = &y;
  return at + 1;
}

size_t Plan::build_dropout(const std::vector<Leaf>& leaves, size_t at,
                           Tensor*& x) {
  Tensor& y = output_of(leaves[at], *x);
  ops_.push_back(make_dropout(*x, y, number(leaves[at].layer.options, "rate"),
                              dropouts_++));
  x = &y;
  return at + 1;
}

size_t Plan::build_activation(const std::vector<Leaf>& leaves, size_t at,
                              Tensor*& x) {
  Tensor& y = output_of(leaves[at], *x);
  const std::string& kind = leaves[at].layer.kind;
  ops_.push_back(kind == "softmax" ? make_softmax(*x, y)
                                   : make_activation(*x, y, kind));
  x = &y;
  return at + 1;
}

size_t Plan::build_conv(const std::vector<Leaf>& leaves, size_t at,
                        Tensor*& x) {
  const auto& [layer, path] = leaves[at];
  Shape shape = models::output_shape(layer, x->shape);
  ConvOptions options{};
  options.kernel = integer(layer.options, "kernel");
  options.stride = integer(layer.options, "stride");
  options.padding = models::layers::conv_padding(layer);
  if (integer(layer.options, "groups") > 1) {
    x = &build_grouped_conv(leaves[at], options, *x);
    return at + 1;
  }
  size_t next = at + 1;
  const auto follows = [&](const char* kind) {
    return next < leaves.size() && leaves[next].layer.kind == kind;
  };
  const auto take = [&] {
    ++next;
    return true;
  };
  if (follows("relu")) options.relu = take();
  if (options.stride == 1 && follows("max_pool")) {
    const Layer& pool = leaves[next].layer;
    if (integer(pool.options, "size") == 2 &&
        models::layers::pool_stride(pool) == 2 &&
        models::layers::pool_padding(pool) == 0) {
      options.pool = take();
      shape = models::output_shape(pool, shape);
      if (!options.relu && follows("relu")) options.relu = take();
    }
  }
  // With a ReLU a zero says that nothing passes back; without, dropout goes
  // alone.
  if (options.relu && follows("dropout"))
    options.dropout = number(leaves[next++].layer.options, "rate");
  Tensor& y = tensor(shape);
  const int64_t inputs = options.kernel * options.kernel * x->channels;
  ops_.push_back(make_conv(*x, y, options,
                           weight(path + ".weight", inputs, y.channels),
                           bias_of(leaves[at], y.channels), dropouts_++));
  x = &y;
  return next;
}

// Without anything fused: neither kind of operation computes whole outputs.
Tensor& Plan::build_grouped_conv(const Leaf& leaf, const ConvOptions& options,
                                 Tensor& x) {
  const int64_t groups = integer(leaf.layer.options, "groups");
  Tensor& y = tensor(models::output_shape(leaf.layer, x.shape));
  const int64_t inputs = x.channels / groups, outputs = y.channels / groups;
  const int64_t taps = options.kernel * options.kernel;
  if (inputs == 1) {
    Tensor* source = &x;
    if (outputs > 1) {
      source = &tensor({y.channels, x.height, x.width});
      source->needs_gradient = x.needs_gradient;
      ops_.push_back(make_repeat_channels(x, *source));
    }
    ops_.push_back(make_depthwise_conv(
        *source, y, options, weight(leaf.path + ".weight", taps, y.channels),
        bias_of(leaf, y.channels)));
    return y;
  }
  std::vector<Tensor*> sources, results;
  for (int64_t group = 0; group < groups; ++group) {
    sources.push_back(&tensor({inputs, x.height, x.width}));
    sources.back()->needs_gradient = x.needs_gradient;
    results.push_back(&tensor({outputs, y.height, y.width}));
  }
  ops_.push_back(make_split(x, sources));
  for (int64_t group = 0; group < groups; ++group) {
    Weight weights = weight(leaf.path + ".weight", inputs * taps, outputs);
    weights.first = group * outputs * weights.inputs;
    Weight bias = bias_of(leaf, outputs);
    bias.first = group * outputs;
    ops_.push_back(make_conv(*sources[group], *results[group], options,
                             std::move(weights), std::move(bias), 0));
  }
  ops_.push_back(make_concat(results, y));
  return y;
}

size_t Plan::build_dense(const std::vector<Leaf>& leaves, size_t at,
                         Tensor*& x) {
  const auto& [layer, path] = leaves[at];
  size_t next = at + 1;
  bool relu = false;
  double dropout = 0;
  if (next < leaves.size() && leaves[next].layer.kind == "relu") {
    relu = true;
    ++next;
    if (next < leaves.size() && leaves[next].layer.kind == "dropout")
      dropout = number(leaves[next++].layer.options, "rate");
  }
  Tensor& y = tensor(models::output_shape(layer, x->shape));
  Weight weights = weight(path + ".weight", x->shape.size(), y.channels);
  weights.height = x->height;
  weights.width = x->width;
  ops_.push_back(make_dense(*x, y, relu, dropout, std::move(weights),
                            bias_of(leaves[at], y.channels), dropouts_++));
  x = &y;
  return next;
}

size_t Plan::build_batch_norm(const std::vector<Leaf>& leaves, size_t at,
                              Tensor*& x) {
  using kernels::Rectifier;
  const auto& [layer, path] = leaves[at];
  const std::string behind =
      at + 1 < leaves.size() ? leaves[at + 1].layer.kind : "";
  const Rectifier rectifier = behind == "relu"    ? Rectifier::Relu
                              : behind == "relu6" ? Rectifier::Relu6
                                                  : Rectifier::None;
  Tensor& y = tensor(x->shape, x);
  const auto running = [&, &path = path](const char* name) {
    return model_.buffers().data() +
           model_.slot(models::joined_path(path, name)).offset;
  };
  y.replaced_by = x;
  auto [statistics, normalise] = make_batch_norm(
      *x, y, number(layer.options, "momentum"),
      number(layer.options, "epsilon"), rectifier,
      feature_weight(path + ".weight", *x), feature_weight(path + ".bias", *x),
      running("running_mean"), running("running_var"));
  ops_.push_back(std::move(statistics));
  ops_.push_back(std::move(normalise));
  x = &y;
  return at + (rectifier == Rectifier::None ? 1 : 2);
}

size_t Plan::build_layer_norm(const std::vector<Leaf>& leaves, size_t at,
                              Tensor*& x) {
  const auto& [layer, path] = leaves[at];
  Tensor& y = tensor(x->shape, x);
  ops_.push_back(make_layer_norm(*x, y, number(layer.options, "epsilon"),
                                 feature_weight(path + ".weight", *x),
                                 feature_weight(path + ".bias", *x)));
  x = &y;
  return at + 1;
}

Weight Plan::bias_of(const Leaf& leaf, int64_t outputs) const {
  if (!flag(leaf.layer.options, "bias")) return {};
  return weight(leaf.path + ".bias", 0, outputs);
}

// One number for each of x's channels, or its features in their order.
Weight Plan::feature_weight(const std::string& name, const Tensor& x) const {
  Weight result = weight(name, 0, x.shape.flat ? x.shape.size() : x.channels);
  if (x.shape.flat) {
    result.height = x.height;
    result.width = x.width;
  }
  return result;
}

Weight Plan::weight(const std::string& name, int64_t inputs,
                    int64_t outputs) const {
  Weight result;
  result.name = name;
  result.inputs = inputs;
  result.outputs = outputs;
  return result;
}

}  // namespace digitnet::engine::native
