#include "core/error.h"
#include "models/layers.h"
#include "models/network.h"

namespace digitnet::models::layers {
namespace {

Shape sequence_shape(const Layer& layer, const Shape& input) {
  Shape shape = input;
  for (const Layer& child : layer.children) shape = output_shape(child, shape);
  return shape;
}

Shape residual_shape(const Layer& layer, const Shape& input) {
  require(layer.children.size() == 1 || layer.children.size() == 2,
          "residual: expected a body and at most a shortcut, got ",
          layer.children.size(), " layers inside");
  const Shape body = output_shape(layer.children[0], input);
  const Shape shortcut = layer.children.size() == 2
                             ? output_shape(layer.children[1], input)
                             : input;
  require(body == shortcut,
          "residual: expected body and shortcut of one shape, got ",
          to_string(body), " and ", to_string(shortcut),
          "; give a shortcut that makes them equal");
  return body;
}

Shape concat_shape(const Layer& layer, const Shape& input) {
  require(!layer.children.empty(),
          "concat: expected at least one layer inside, got none");
  Shape total = output_shape(layer.children[0], input);
  for (size_t i = 1; i < layer.children.size(); ++i) {
    const Shape next = output_shape(layer.children[i], input);
    require(next.flat == total.flat && next.height == total.height &&
                next.width == total.width,
            "concat: expected branches of equal height and width, got ",
            to_string(total), " and ", to_string(next));
    total.channels += next.channels;
  }
  return total;
}

}  // namespace

LayerEntry sequence() {
  return {"sequence",     "Sequence", "layers in turn", {},
          sequence_shape, nullptr,    nullptr,          -1};
}

// Source: He et al., "Deep residual learning", CVPR 2016.
LayerEntry residual() {
  return {"residual",
          "Residual",
          "body(x) + shortcut(x); without a shortcut x itself",
          {},
          residual_shape,
          nullptr,
          nullptr,
          -1};
}

LayerEntry concat() {
  return {"concat",
          "Concat",
          "outputs of all branches, joined along channels",
          {},
          concat_shape,
          nullptr,
          nullptr,
          -1};
}

}  // namespace digitnet::models::layers
