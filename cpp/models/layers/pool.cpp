#include <algorithm>

#include "core/error.h"
#include "models/layers.h"

namespace digitnet::models::layers {

int64_t pool_stride(const Layer& layer) {
  const int64_t stride = integer(layer.options, "stride");
  return stride ? stride : integer(layer.options, "size");
}

namespace {

Shape output_shape(const Layer& layer, const Shape& input) {
  require_spatial(layer, input);
  const int64_t size = integer(layer.options, "size");
  const int64_t stride = pool_stride(layer);
  require(std::min(input.height, input.width) >= size, layer.kind,
          ": expected an input of at least ", size, " pixels a side, got ",
          to_string(input));
  return {input.channels, (input.height - size) / stride + 1,
          (input.width - size) / stride + 1};
}

std::vector<OptionInfo> options() {
  return {whole("size", 2, 1, 64, "pixels a side of the window"),
          whole("stride", 0, 0, 64, "pixels between windows; 0: as size")};
}

}  // namespace

LayerEntry max_pool() {
  return {"max_pool", "MaxPool", "largest value of each window", options(),
          output_shape};
}

LayerEntry average_pool() {
  return {"average_pool", "AveragePool", "mean value of each window", options(),
          output_shape};
}

}  // namespace digitnet::models::layers
