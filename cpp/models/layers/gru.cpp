#include <cmath>

#include "models/layers.h"

namespace digitnet::models::layers {
namespace {

// Named, ordered and started as torch.nn.GRU's: reset, update and new gate.
std::vector<Parameter> parameters(const Layer& layer, const Shape& input) {
  const int64_t units = integer(layer.options, "units");
  const int64_t inputs = input.channels * input.width;
  const Init init{Init::Kind::Uniform,
                  1 / std::sqrt(static_cast<double>(units))};
  return {{"weight_ih_l0", {3 * units, inputs}, init, false, true},
          {"weight_hh_l0", {3 * units, units}, init, false, true},
          {"bias_ih_l0", {3 * units}, init},
          {"bias_hh_l0", {3 * units}, init}};
}

}  // namespace

// Source: Cho et al., EMNLP 2014, in torch.nn.GRU's form.
LayerEntry gru() {
  return {"gru",
          "GRU",
          "reads the rows of an image from the top, and gives its last state",
          {whole("units", 0, 1, 16384, "features of the state", true)},
          [](const Layer& layer, const Shape& input) {
            require_spatial(layer, input);
            return flat_shape(integer(layer.options, "units"));
          },
          parameters,
          [](const Layer& layer, const Shape& input) {
            const int64_t units = integer(layer.options, "units");
            return input.height * 3 * units *
                   (input.channels * input.width + units);
          },
          0,
          [](const Layer& layer, const Shape& input) {  // gates of every row
            return 7 * input.height * integer(layer.options, "units");
          }};
}

}  // namespace digitnet::models::layers
