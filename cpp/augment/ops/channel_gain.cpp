#include <algorithm>
#include <vector>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry channel_gain() {
  return {.name = "channel_gain",
          .summary =
              "multiply each colour channel by its own factor from 1 - c to "
              "1 + c; a grey image has one channel, so one factor",
          .source = "channel-wise Multiply of imgaug",
          .units = {"", "%"},
          .max_strength = 1,
          .stream = 15,
          .draw =
              [](Draws& draws, const Amounts& amounts, const Shape&,
                 double* numbers) {
                for (int64_t i = 0; i < kChannelGains; ++i) {
                  numbers[i] =
                      draws.uniform(1 - amounts.strength, 1 + amounts.strength);
                }
              },
          .apply =
              [](const double* numbers, const float*, const Canvas& canvas,
                 Workspace&) {
                const int64_t plane = canvas.shape.height * canvas.shape.width;
                float* pixels = canvas.pixels;
                for (int64_t c = 0; c < canvas.shape.channels; ++c) {
                  const auto factor =
                      static_cast<float>(numbers[c % kChannelGains]);
                  for (int64_t i = 0; i < plane; ++i, ++pixels)
                    *pixels = std::clamp(*pixels * factor, 0.0f, canvas.full);
                }
              },
          .identity = std::vector<double>(kChannelGains, 1)};
}

}  // namespace digitnet::augment
