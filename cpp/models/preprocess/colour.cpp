#include <algorithm>

#include "core/error.h"
#include "models/preprocess_steps.h"

namespace digitnet::models::steps {

StepEntry grey_to_rgb() {
  return {"grey_to_rgb",
          "GreyToRGB",
          "the one channel three times",
          {},
          [](const Options&, const Shape& input) {
            require(input.channels == 1,
                    "grey_to_rgb: expected 1 channel, got ", input.channels);
            return Shape{3, input.height, input.width};
          },
          [](const Options&, double, const Shape& input, const float* from,
             float* to) {
            for (int c = 0; c < 3; ++c)
              std::copy_n(from, input.size(), to + c * input.size());
          }};
}

StepEntry rgb_to_grey() {
  return {"rgb_to_grey",
          "RGBToGrey",
          "luma: .299 R + .587 G + .114 B",
          {},
          [](const Options&, const Shape& input) {
            require(input.channels == 3,
                    "rgb_to_grey: expected 3 channels, got ", input.channels);
            return Shape{1, input.height, input.width};
          },
          [](const Options&, double, const Shape& input, const float* from,
             float* to) {
            const int64_t plane = input.height * input.width;
            for (int64_t i = 0; i < plane; ++i) {
              to[i] = kLuma[0] * from[i] + kLuma[1] * from[plane + i] +
                      kLuma[2] * from[2 * plane + i];
            }
          }};
}

}  // namespace digitnet::models::steps
