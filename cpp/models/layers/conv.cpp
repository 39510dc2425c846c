#include <algorithm>

#include "core/error.h"
#include "models/layers.h"

namespace digitnet::models::layers {

int64_t conv_padding(const Layer& layer) {
  if (!is_text(layer.options, "padding"))
    return integer(layer.options, "padding");
  if (text(layer.options, "padding") == "valid") return 0;
  const int64_t kernel = integer(layer.options, "kernel");
  require(kernel % 2 == 1,
          "conv.padding: expected an odd kernel with 'same', got ", kernel);
  return kernel / 2;
}

namespace {

Shape output_shape(const Layer& layer, const Shape& input) {
  require_spatial(layer, input);
  const int64_t kernel = integer(layer.options, "kernel");
  const int64_t stride = integer(layer.options, "stride");
  const int64_t padding = conv_padding(layer);
  const int64_t channels = integer(layer.options, "channels");
  const int64_t groups = integer(layer.options, "groups");
  require(input.channels % groups == 0 && channels % groups == 0,
          "conv.groups: expected a divisor of ", input.channels, " and ",
          channels, " channels, got ", groups);
  require(std::min(input.height, input.width) + 2 * padding >= kernel,
          "conv: expected an input of at least ", kernel - 2 * padding,
          " pixels a side for kernel ", kernel, ", got ", to_string(input));
  return {channels, (input.height + 2 * padding - kernel) / stride + 1,
          (input.width + 2 * padding - kernel) / stride + 1};
}

// Channels that each output channel sees.
int64_t group_inputs(const Layer& layer, const Shape& input) {
  return input.channels / integer(layer.options, "groups");
}

std::vector<Parameter> parameters(const Layer& layer, const Shape& input) {
  const int64_t channels = integer(layer.options, "channels");
  const int64_t kernel = integer(layer.options, "kernel");
  const int64_t inputs = group_inputs(layer, input);
  return weight_and_bias(layer, {channels, inputs, kernel, kernel},
                         inputs * kernel * kernel);
}

int64_t multiply_adds(const Layer& layer, const Shape& input) {
  const int64_t kernel = integer(layer.options, "kernel");
  return output_shape(layer, input).size() * group_inputs(layer, input) *
         kernel * kernel;
}

}  // namespace

LayerEntry conv() {
  OptionInfo padding = whole("padding", 0, 0, 64,
                             "pixels of zeros around, or 'same' or 'valid'");
  padding.fallback = std::string("valid");
  padding.choices = {"same", "valid"};
  return {"conv",
          "Conv",
          "convolution with a square kernel",
          {whole("channels", 0, 1, 16384, "output channels", true),
           whole("kernel", 0, 1, 64, "pixels a side", true),
           whole("stride", 1, 1, 64, "pixels between outputs"),
           padding,
           {"bias", OptionType::Flag, 1.0, 0, 1, "add a bias per channel"},
           init_option(),
           whole("groups", 1, 1, 16384,
                 "parts of the channels that do not see each other")},
          output_shape,
          parameters,
          multiply_adds};
}

}  // namespace digitnet::models::layers
