#include <algorithm>
#include <cmath>

#include "augment/ops.h"

namespace digitnet::augment {
namespace {

// Source: Zhong et al., AAAI 2020, section 4: smallest area and aspect ratios.
constexpr double kMinArea = 0.02;
constexpr double kFlattest = 0.3;

// A rectangle: its first row and column, its height and width.
void draw(Draws& draws, const Amounts& amounts, const Shape& shape,
          double* numbers) {
  const double part =
      draws.uniform(std::min(kMinArea, amounts.strength), amounts.strength);
  const double area = part * static_cast<double>(shape.height * shape.width);
  const double aspect =
      std::exp(draws.uniform(std::log(kFlattest), -std::log(kFlattest)));
  const int64_t height =
      std::min<int64_t>(std::llround(std::sqrt(area * aspect)), shape.height);
  const int64_t width =
      std::min<int64_t>(std::llround(std::sqrt(area / aspect)), shape.width);
  const auto top = static_cast<int64_t>(draws.below(shape.height - height + 1));
  const auto left = static_cast<int64_t>(draws.below(shape.width - width + 1));
  int64_t at = 0;
  for (const int64_t side : {top, left, height, width})
    numbers[at++] = static_cast<double>(side);
}

void apply(const double* numbers, const float*, const Canvas& canvas,
           Workspace&) {
  const Shape& shape = canvas.shape;
  const auto top = static_cast<int64_t>(numbers[0]),
             left = static_cast<int64_t>(numbers[1]),
             height = static_cast<int64_t>(numbers[2]),
             width = static_cast<int64_t>(numbers[3]);
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t y = top; y < top + height; ++y) {
      std::fill_n(canvas.pixels + (c * shape.height + y) * shape.width + left,
                  width, 0.0f);
    }
  }
}

}  // namespace

OpEntry erase() {
  return {.name = "erase",
          .summary =
              "set a rectangle of up to this part of the area to 0, at "
              "any place, up to about three times as long as wide",
          .source = "Zhong et al., Random erasing, AAAI 2020",
          .units = {"", "%"},
          .max_strength = 0.9,
          .stream = 9,
          .draw = draw,
          .apply = apply,
          .identity = {0, 0, 0, 0}};
}

}  // namespace digitnet::augment
