#include "models/layers.h"

namespace digitnet::models::layers {

// Source: Ba, Kiros, Hinton, "Layer normalization", arXiv 1607.06450, 2016.
LayerEntry layer_norm() {
  return {
      "layer_norm",
      "LayerNorm",
      "normalise the channels of each pixel, or the features",
      {{"epsilon", OptionType::Real, 1e-5, 1e-12, 1, "added to the variance"}},
      same_shape,
      [](const Layer&, const Shape& input) -> std::vector<Parameter> {
        return {{"weight", {input.channels}, {Init::Kind::Constant, 1}},
                {"bias", {input.channels}, {Init::Kind::Constant, 0}}};
      }};
}

}  // namespace digitnet::models::layers
