#include <algorithm>

#include "augment/filtering.h"
#include "augment/ops.h"

namespace digitnet::augment {

OpEntry noise() {
  return {.name = "noise",
          .summary =
              "add normal noise whose standard deviation is this part "
              "of full intensity",
          .source = "as GaussianNoise of Keras",
          .units = {"", "%"},
          .most = 2,
          .stream = 12,
          .paint = [](Draws& draws, const Amounts& amounts,
                      const Canvas& canvas, Workroom& work) {
            const int64_t size = canvas.shape.size();
            float* noise = work.padded.at_least(size);
            draw_plane(draws, 0, Noise::Normal, noise, size, work);
            const auto part =
                static_cast<float>(amounts.strength * canvas.full);
            const float full = canvas.full;
            float* pixels = canvas.pixels;
            for (int64_t i = 0; i < size; ++i) {
              pixels[i] = std::clamp(pixels[i] + noise[i] * part, 0.0f, full);
            }
          }};
}

}  // namespace digitnet::augment
