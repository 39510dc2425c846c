// Operations of networks that read an image as a sequence or a set: recurrent
// layers, transformers and capsules.
#include "engine/native/plan.h"
#include "models/layers.h"

namespace digitnet::engine::native {

using models::Layer;

size_t Plan::build_position(const std::vector<Leaf>& leaves, size_t at,
                            Tensor*& x) {
  Tensor& y = tensor(x->shape, x);
  Weight added = weight(leaves[at].path + ".weight", 0, x->shape.size());
  added.height = x->height;
  added.width = x->width;
  ops_.push_back(make_position(*x, y, std::move(added)));
  x = &y;
  return at + 1;
}

size_t Plan::build_gru(const std::vector<Leaf>& leaves, size_t at, Tensor*& x) {
  const auto& [layer, path] = leaves[at];
  const int64_t units = integer(layer.options, "units");
  Tensor& y = tensor(models::output_shape(layer, x->shape));
  GruWeights weights = {
      weight(path + ".weight_ih_l0", x->width * x->channels, 3 * units),
      weight(path + ".weight_hh_l0", units, 3 * units),
      weight(path + ".bias_ih_l0", 0, 3 * units),
      weight(path + ".bias_hh_l0", 0, 3 * units)};
  weights.input.width = x->width;  // a step's features are a map of one row
  ops_.push_back(make_gru(*x, y, std::move(weights)));
  x = &y;
  return at + 1;
}

size_t Plan::build_attention(const std::vector<Leaf>& leaves, size_t at,
                             Tensor*& x) {
  const Layer& layer = leaves[at].layer;
  Tensor& y = tensor(models::output_shape(layer, x->shape));
  y.needs_gradient = x->needs_gradient;
  ops_.push_back(make_attention(*x, y, integer(layer.options, "heads")));
  x = &y;
  return at + 1;
}

size_t Plan::build_capsules(const std::vector<Leaf>& leaves, size_t at,
                            Tensor*& x) {
  const auto& [layer, path] = leaves[at];
  const CapsuleOptions options{
      integer(layer.options, "inputs"), integer(layer.options, "units"),
      integer(layer.options, "size"), integer(layer.options, "routing")};
  Tensor& y = tensor(models::output_shape(layer, x->shape));
  ops_.push_back(make_capsules(
      *x, y, options,
      weight(path + ".weight", options.units * options.size * options.inputs,
             x->shape.size() / options.inputs)));
  x = &y;
  return at + 1;
}

size_t Plan::build_capsule_logits(const std::vector<Leaf>& leaves, size_t at,
                                  Tensor*& input) {
  const Layer& layer = leaves[at].layer;
  Tensor& x = in_order(*input);
  Tensor& y = tensor(models::output_shape(layer, x.shape));
  y.needs_gradient = x.needs_gradient;
  ops_.push_back(make_capsule_logits(x, y, integer(layer.options, "size")));
  input = &y;
  return at + 1;
}

}  // namespace digitnet::engine::native
