#include <algorithm>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry brightness() {
  return {.name = "brightness",
          .summary =
              "add up to this part of full intensity to every pixel, or "
              "take it away",
          .source = "as RandomBrightness of Keras",
          .units = {"", "%"},
          .max_strength = 1,
          .stream = 10,
          .draw =
              [](Draws& draws, const Amounts& amounts, const Shape&,
                 double* numbers) {
                numbers[0] = draws.uniform(-amounts.strength, amounts.strength);
              },
          .apply =
              [](const double* numbers, const float*, const Canvas& canvas,
                 Workspace&) {
                const auto change =
                    static_cast<float>(numbers[0] * canvas.full);
                const float full = canvas.full;
                float* pixels = canvas.pixels;
                for (int64_t i = 0; i < canvas.shape.size(); ++i)
                  pixels[i] = std::clamp(pixels[i] + change, 0.0f, full);
              },
          .identity = {0}};
}

}  // namespace digitnet::augment
