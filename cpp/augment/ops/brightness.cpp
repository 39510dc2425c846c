#include <algorithm>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry brightness() {
  return {
      .name = "brightness",
      .summary =
          "add up to this part of full intensity to every pixel, or "
          "take it away",
      .source = "as RandomBrightness of Keras",
      .units = {"", "%"},
      .most = 1,
      .stream = 10,
      .paint = [](Draws& draws, const Amounts& amounts, const Canvas& canvas,
                  Workroom&) {
        const auto change = static_cast<float>(
            draws.uniform(-amounts.strength, amounts.strength) * canvas.full);
        const float full = canvas.full;
        float* pixels = canvas.pixels;
        for (int64_t i = 0; i < canvas.shape.size(); ++i)
          pixels[i] = std::clamp(pixels[i] + change, 0.0f, full);
      }};
}

}  // namespace digitnet::augment
