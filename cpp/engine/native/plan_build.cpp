// From the network tree to a list of operations: conv, ReLU, 2x2 max-pool and
// dropout are one; dense, ReLU and dropout; batch norm and ReLU.
#include <algorithm>
#include <map>

#include "core/error.h"
#include "engine/native/plan.h"
#include "models/layers.h"

namespace digitnet::engine::native {

using models::Layer;

// A layer with its full name; sequences within sequences are laid flat.
struct Plan::Leaf {
  Layer layer;
  std::string path;
};

namespace {

// What there is no operation for, of a layer of a kind that has one: "" if
// nothing.
std::string uncovered(const Layer& layer, const Shape& input) {
  const auto unless = [](bool covered, const char* what) {
    return std::string(covered ? "" : what);
  };
  if (layer.kind == "adaptive_average_pool") {
    // Squares of one size, side by side.
    const int64_t size = integer(layer.options, "size");
    return unless(input.height == input.width && input.height % size == 0,
                  "uneven adaptive_average_pool");
  }
  if (layer.kind == "conv") {
    return unless(integer(layer.options, "groups") == 1, "groups of the conv");
  }
  if (layer.kind == "max_pool") {
    return unless(models::layers::pool_padding(layer) == 0,
                  "padding of the max_pool");
  }
  return "";
}

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

// Flat features that keep a map's order are for dense layers and what works
// element by element.
void require_plain_order(const Tensor& x, const std::string& path) {
  if (x.shape.flat && x.height * x.width > 1) {
    throw NotCovered(join(
        "'", path, "' takes flattened maps without a dense layer between"));
  }
}

}  // namespace

Plan::Plan(models::Model& model) : model_(model) {
  if (model.outputs_images()) throw NotCovered("no kernels for image targets");
  input_ = &tensor(model.preprocess().output());
  input_->needs_gradient = false;
  output_ = &build(models::without_last_softmax(model.network()), "", *input_);
  require_plain_order(*output_, "the loss");
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
  for (size_t i = 0; i < leaves.size();) i = build_leaf(leaves, i, at);
  return *at;
}

Plan::Build Plan::build_of(const Layer& layer) {
  static const std::map<std::string, Build> builds = {
      {"conv", &Plan::build_conv},
      {"dense", &Plan::build_dense},
      {"batch_norm", &Plan::build_batch_norm},
      {"max_pool", &Plan::build_pool},
      {"average_pool", &Plan::build_pool},
      {"adaptive_average_pool", &Plan::build_pool},
      {"flatten", &Plan::build_flatten},
      {"dropout", &Plan::build_dropout},
      {"relu", &Plan::build_activation},
      {"sigmoid", &Plan::build_activation},
      {"tanh", &Plan::build_activation},
      {"gelu", &Plan::build_activation},
      {"residual", &Plan::build_composite},
      {"concat", &Plan::build_composite},
  };
  const auto found = builds.find(layer.kind);
  return found == builds.end() ? nullptr : found->second;
}

size_t Plan::build_leaf(const std::vector<Leaf>& leaves, size_t at,
                        Tensor*& x) {
  const Leaf& leaf = leaves[at];
  const Build build = build_of(leaf.layer);
  const std::string missing =
      build ? uncovered(leaf.layer, x->shape) : leaf.layer.kind;
  if (!missing.empty())
    throw NotCovered(join("no kernel for the ", missing, " '", leaf.path, "'"));
  return (this->*build)(leaves, at, x);
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
    const int64_t size = x->shape.height / y.shape.height;
    ops_.push_back(make_average_pool(*x, y, size, size));
  } else {
    const auto make =
        layer.kind == "max_pool" ? make_max_pool : make_average_pool;
    ops_.push_back(make(*x, y, integer(layer.options, "size"),
                        models::layers::pool_stride(layer)));
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
  ops_.push_back(make_activation(*x, y, leaves[at].layer.kind));
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
  const auto& [layer, path] = leaves[at];
  const bool relu =
      at + 1 < leaves.size() && leaves[at + 1].layer.kind == "relu";
  Tensor& y = tensor(x->shape, x);
  const auto running = [&](const char* name) {
    return model_.buffers().data() +
           model_.slot(models::joined_path(path, name)).offset;
  };
  const int64_t features = x->shape.flat ? x->shape.size() : x->channels;
  Weight scale = weight(path + ".weight", 0, features);
  Weight shift = weight(path + ".bias", 0, features);
  if (x->shape.flat) {
    scale.height = shift.height = x->height;
    scale.width = shift.width = x->width;
  }
  ops_.push_back(make_batch_norm(
      *x, y, number(layer.options, "momentum"),
      number(layer.options, "epsilon"), relu, std::move(scale),
      std::move(shift), running("running_mean"), running("running_var")));
  x = &y;
  return at + 1 + relu;
}

size_t Plan::build_composite(const std::vector<Leaf>& leaves, size_t at,
                             Tensor*& input) {
  const Leaf& leaf = leaves[at];
  const Layer& layer = leaf.layer;
  Tensor& x = *input;
  const bool residual = layer.kind == "residual";
  const size_t branches = residual ? 2 : layer.children.size();
  std::vector<Tensor*> starts, ends;
  for (size_t i = 0; i < branches; ++i) {
    Tensor& start = tensor(x.shape, &x);
    start.value_of = &x;
    start.needs_gradient = x.needs_gradient;
    starts.push_back(&start);
  }
  ops_.push_back(make_fork(x, starts));
  for (size_t i = 0; i < branches; ++i) {
    const bool empty = i >= layer.children.size();
    ends.push_back(
        empty ? starts[i]
              : &build(layer.children[i],
                       models::joined_path(leaf.path, layer.children[i].name),
                       *starts[i]));
  }
  Tensor& y = tensor(models::output_shape(layer, x.shape));
  y.needs_gradient = false;
  for (const Tensor* end : ends) {
    require_plain_order(*end, leaf.path);
    y.needs_gradient |= end->needs_gradient;
  }
  ops_.push_back(residual ? make_add(*ends[0], *ends[1], y)
                          : make_concat(ends, y));
  input = &y;
  return at + 1;
}

Weight Plan::bias_of(const Leaf& leaf, int64_t outputs) const {
  if (!flag(leaf.layer.options, "bias")) return {};
  return weight(leaf.path + ".bias", 0, outputs);
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
