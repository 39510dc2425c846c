#include "core/error.h"
#include "models/layers.h"

namespace digitnet::models::layers {
namespace {

Shape output_shape(const Layer& layer, const Shape& input) {
  require(input.flat, "dense: expected flat features, got ", to_string(input),
          "; put flatten before it");
  return flat_shape(integer(layer.options, "units"));
}

std::vector<Parameter> parameters(const Layer& layer, const Shape& input) {
  const int64_t units = integer(layer.options, "units");
  return weight_and_bias(layer, {units, input.channels}, input.channels);
}

int64_t multiply_adds(const Layer& layer, const Shape& input) {
  return integer(layer.options, "units") * input.channels;
}

}  // namespace

LayerEntry dense() {
  return {"dense",
          "Dense",
          "fully connected layer",
          {whole("units", 0, 1, 1'000'000, "outputs", true),
           {"bias", OptionType::Flag, 1.0, 0, 1, "add a bias per output"},
           init_option()},
          output_shape,
          parameters,
          multiply_adds};
}

}  // namespace digitnet::models::layers
