#include <algorithm>
#include <numeric>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry contrast() {
  return {.name = "contrast",
          .summary =
              "scale distances from the image's mean by a factor from 1 "
              "- c to 1 + c",
          .source = "as RandomContrast of Keras, one mean for all channels",
          .units = {"", "%"},
          .most = 1,
          .stream = 11,
          .paint = [](Draws& draws, const Amounts& amounts,
                      const Canvas& canvas, Workroom&) {
            const int64_t size = canvas.shape.size();
            float* pixels = canvas.pixels;
            const auto mean =
                static_cast<float>(std::accumulate(pixels, pixels + size, 0.0) /
                                   static_cast<double>(size));
            const auto factor = static_cast<float>(
                draws.uniform(1 - amounts.strength, 1 + amounts.strength));
            const float full = canvas.full;
            for (int64_t i = 0; i < size; ++i) {
              pixels[i] =
                  std::clamp(mean + (pixels[i] - mean) * factor, 0.0f, full);
            }
          }};
}

}  // namespace digitnet::augment
