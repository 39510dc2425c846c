#include <algorithm>

#include "augment/filtering.h"
#include "augment/ops.h"

namespace digitnet::augment {
namespace {

void apply(const double* numbers, const float*, const Canvas& canvas,
           Workspace& work) {
  const auto part = static_cast<float>(numbers[0]);
  const Shape& shape = canvas.shape;
  const float full = canvas.full;
  const int64_t stride = shape.width + 2;
  for (int64_t c = 0; c < shape.channels; ++c) {
    float* plane = canvas.pixels + c * shape.height * shape.width;
    const float* padded = mirrored(plane, shape.height, shape.width, 1, work);
    for (int64_t y = 0; y < shape.height; ++y) {
      const float* at = padded + (y + 1) * stride + 1;
      float* out = plane + y * shape.width;
      for (int64_t x = 0; x < shape.width; ++x) {
        const float around =
            at[x - stride] + at[x - 1] + at[x + 1] + at[x + stride];
        out[x] = std::clamp(at[x] + part * (4 * at[x] - around), 0.0f, full);
      }
    }
  }
}

}  // namespace

OpEntry sharpen() {
  return {.name = "sharpen",
          .summary =
              "add the negative Laplacian, up to so many times; at 1 the "
              "filter [0 -1 0; -1 5 -1; 0 -1 0]; the border is mirrored",
          .source = "Kanaparthi, thesis, preprocessing",
          .units = {"", "%"},
          .max_strength = 4,
          .stream = 14,
          .draw =
              [](Draws& draws, const Amounts& amounts, const Shape&,
                 double* numbers) {
                numbers[0] = draws.uniform(0, amounts.strength);
              },
          .apply = apply,
          .identity = {0}};
}

}  // namespace digitnet::augment
