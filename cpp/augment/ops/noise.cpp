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
          .max_strength = 2,
          .stream = 12,
          .draw = [](Draws&, const Amounts& amounts, const Shape&,
                     double* numbers) { numbers[0] = amounts.strength; },
          .apply =
              [](const double* numbers, const float* noise,
                 const Canvas& canvas, Workspace&) {
                const int64_t size = canvas.shape.size();
                const auto part = static_cast<float>(numbers[0] * canvas.full);
                const float full = canvas.full;
                float* pixels = canvas.pixels;
                for (int64_t i = 0; i < size; ++i) {
                  pixels[i] =
                      std::clamp(pixels[i] + noise[i] * part, 0.0f, full);
                }
              },
          .identity = {0},
          .noisy = true};
}

}  // namespace digitnet::augment
