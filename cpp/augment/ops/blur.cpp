#include "augment/filtering.h"
#include "augment/ops.h"

namespace digitnet::augment {

OpEntry blur() {
  return {.name = "blur",
          .summary =
              "filter by a Gaussian of up to so many pixels; the border "
              "is mirrored",
          .source = "as GaussianBlur of torchvision",
          .units = {"px", "%"},
          .max_strength = 16,
          .stream = 13,
          .draw =
              [](Draws& draws, const Amounts& amounts, const Shape&,
                 double* numbers) {
                numbers[0] = draws.uniform(0, amounts.strength);
              },
          .apply =
              [](const double* numbers, const float*, const Canvas& canvas,
                 Workspace& work) {
                const double sigma = numbers[0];
                if (sigma <= 0) return;
                const Shape& shape = canvas.shape;
                const Gaussian filter(sigma, work);
                for (int64_t c = 0; c < shape.channels; ++c) {
                  float* plane = canvas.pixels + c * shape.height * shape.width;
                  const float* padded = mirrored(
                      plane, shape.height, shape.width, filter.radius, work);
                  filter.apply(padded, shape.height, shape.width, work, plane);
                }
              },
          .identity = {0}};
}

}  // namespace digitnet::augment
