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
          .most = 16,
          .stream = 13,
          .paint = [](Draws& draws, const Amounts& amounts,
                      const Canvas& canvas, Workroom& work) {
            const double sigma = draws.uniform(0, amounts.strength);
            if (sigma <= 0) return;
            const Shape& shape = canvas.shape;
            const Gaussian filter(sigma, work);
            for (int64_t c = 0; c < shape.channels; ++c) {
              float* plane = canvas.pixels + c * shape.height * shape.width;
              const float* padded = mirrored(plane, shape.height, shape.width,
                                             filter.radius, work);
              filter.apply(padded, shape.height, shape.width, work, plane);
            }
          }};
}

}  // namespace digitnet::augment
