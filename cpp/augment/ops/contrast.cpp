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
          .max_strength = 1,
          .stream = 11,
          .draw =
              [](Draws& draws, const Amounts& amounts, const Shape&,
                 double* numbers) {
                numbers[0] =
                    draws.uniform(1 - amounts.strength, 1 + amounts.strength);
              },
          .apply =
              [](const double* numbers, const float*, const Canvas& canvas,
                 Workspace&) {
                const int64_t size = canvas.shape.size();
                float* pixels = canvas.pixels;
                const auto mean = static_cast<float>(
                    std::accumulate(pixels, pixels + size, 0.0) /
                    static_cast<double>(size));
                const auto factor = static_cast<float>(numbers[0]);
                const float full = canvas.full;
                for (int64_t i = 0; i < size; ++i) {
                  pixels[i] = std::clamp(mean + (pixels[i] - mean) * factor,
                                         0.0f, full);
                }
              },
          .identity = {1}};
}

}  // namespace digitnet::augment
