#include "data/resize.h"

#include "core/error.h"
#include "models/preprocess_steps.h"

namespace digitnet::models::steps {

StepEntry resize() {
  return {"resize",
          "Resize",
          "to another height and width",
          {{"height", OptionType::Integer, 0.0, 1, 1024, "pixels", {}, true},
           {"width", OptionType::Integer, 0.0, 1, 1024, "pixels", {}, true},
           {"method",
            OptionType::Choice,
            std::string("bilinear"),
            0,
            0,
            "how to sample",
            {"nearest", "bilinear"}}},
          [](const Options& options, const Shape& input) {
            return Shape{input.channels, integer(options, "height"),
                         integer(options, "width")};
          },
          [](const Options& options, double, const Shape& input,
             const float* from, float* to) {
            const int64_t height = integer(options, "height"),
                          width = integer(options, "width");
            const auto method = text(options, "method") == "nearest"
                                    ? data::resize_nearest
                                    : data::resize_bilinear;
            for (int64_t c = 0; c < input.channels; ++c) {
              method(from + c * input.height * input.width, input.height,
                     input.width, to + c * height * width, height, width);
            }
          }};
}

}  // namespace digitnet::models::steps
