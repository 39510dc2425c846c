#include "core/error.h"
#include "models/layers.h"
#include "models/network.h"

namespace digitnet::models::layers {

// Without weights of its own: a 1x1 convolution before it makes queries, keys
// and values, one behind it mixes the heads.
// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section
// 3.2.
LayerEntry attention() {
  return {"attention",
          "Attention",
          "each pixel's mean of all pixels' values, weighted by how its query "
          "meets their keys; takes queries, keys and values as channels",
          {whole("heads", 1, 1, 256, "attention heads: parts of the channels")},
          [](const Layer& layer, const Shape& input) {
            require_spatial(layer, input);
            const int64_t heads = integer(layer.options, "heads");
            require(input.channels % (3 * heads) == 0,
                    "attention: expected channels that 3 x ", heads,
                    " heads divide, got ", to_string(input));
            return Shape{input.channels / 3, input.height, input.width};
          },
          nullptr,
          [](const Layer&, const Shape& input) {
            const int64_t pixels = input.height * input.width;
            return 2 * pixels * pixels * input.channels / 3;
          },
          0,
          [](const Layer& layer, const Shape& input) {  // weights of each head
            const int64_t pixels = input.height * input.width;
            return pixels > (1 << 20)
                       ? kMaxActivations + 1
                       : integer(layer.options, "heads") * pixels * pixels;
          }};
}

// Source: Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021,
// section 3.1.
LayerEntry position() {
  return {"position",
          "Position",
          "a learned number is added to each value: where it stands",
          {},
          same_shape,
          [](const Layer&, const Shape& input) -> std::vector<Parameter> {
            constexpr double kBound = 0.035;  // standard deviation .02
            std::vector<int64_t> sizes = {input.channels};
            if (!input.flat) {
              sizes.push_back(input.height);
              sizes.push_back(input.width);
            }
            return {{"weight", sizes, {Init::Kind::Uniform, kBound}}};
          }};
}

}  // namespace digitnet::models::layers
