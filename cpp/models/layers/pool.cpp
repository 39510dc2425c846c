#include <algorithm>

#include "core/error.h"
#include "models/layers.h"

namespace digitnet::models::layers {

int64_t pool_stride(const Layer& layer) {
  const int64_t stride = integer(layer.options, "stride");
  return stride ? stride : integer(layer.options, "size");
}

bool pools_evenly(const Layer& layer, int64_t height, int64_t width) {
  const int64_t size = integer(layer.options, "size");
  return (height % size == 0 && width % size == 0) ||
         (size % height == 0 && size % width == 0);
}

int64_t pool_padding(const Layer& layer) {
  return layer.kind == "max_pool" ? integer(layer.options, "padding") : 0;
}

namespace {

Shape output_shape(const Layer& layer, const Shape& input) {
  require_spatial(layer, input);
  const int64_t size = integer(layer.options, "size");
  const int64_t stride = pool_stride(layer);
  const int64_t padding = pool_padding(layer);
  require(2 * padding <= size, layer.kind,
          ".padding: expected at most half of size ", size, ", got ", padding);
  require(std::min(input.height, input.width) + 2 * padding >= size, layer.kind,
          ": expected an input of at least ", size - 2 * padding,
          " pixels a side, got ", to_string(input));
  return {input.channels, (input.height + 2 * padding - size) / stride + 1,
          (input.width + 2 * padding - size) / stride + 1};
}

std::vector<OptionInfo> options() {
  return {whole("size", 2, 1, 64, "pixels a side of the window"),
          whole("stride", 0, 0, 64, "pixels between windows; 0: as size")};
}

}  // namespace

LayerEntry max_pool() {
  std::vector<OptionInfo> with_padding = options();
  with_padding.push_back(
      whole("padding", 0, 0, 32, "pixels around that are never the largest"));
  return {"max_pool", "MaxPool", "largest value of each window", with_padding,
          output_shape};
}

LayerEntry average_pool() {
  return {"average_pool", "AveragePool", "mean value of each window", options(),
          output_shape};
}

LayerEntry adaptive_average_pool() {
  return {"adaptive_average_pool",
          "AdaptiveAveragePool",
          "mean values of so many windows a side, whatever the input's size",
          {whole("size", 1, 1, 64, "pixels a side of the output")},
          [](const Layer& layer, const Shape& input) {
            require_spatial(layer, input);
            const int64_t size = integer(layer.options, "size");
            return Shape{input.channels, size, size};
          }};
}

LayerEntry upsample() {
  return {"upsample",
          "Upsample",
          "every pixel as a square of pixels of its value",
          {whole("factor", 2, 1, 16, "pixels a side of the square")},
          [](const Layer& layer, const Shape& input) {
            require_spatial(layer, input);
            const int64_t factor = integer(layer.options, "factor");
            require(std::max(input.height, input.width) * factor <= 4096,
                    "upsample: expected at most 4096 pixels a side, got ",
                    std::max(input.height, input.width) * factor);
            return Shape{input.channels, input.height * factor,
                         input.width * factor};
          }};
}

}  // namespace digitnet::models::layers
