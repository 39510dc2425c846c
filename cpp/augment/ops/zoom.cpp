#include "augment/ops.h"

namespace digitnet::augment {

OpEntry zoom() {
  return {
      .name = "zoom",
      .summary = "enlarge or shrink about the centre by up to this fraction",
      .source =
          "Simard, Steinkraus, Platt, ICDAR 2003; axes=2: "
          "ImageDataGenerator of Keras",
      .units = {"", "%"},
      .max_strength = 0.9,
      .stream = 3,
      .affine =
          [](Draws& draws, const Amounts& amounts, const Shape&) {
            const auto factor = [&] {
              return draws.uniform(1 - amounts.strength, 1 + amounts.strength);
            };
            Affine map;
            if (amounts.options[0] == 2) {
              map.xx = factor();
              map.yy = factor();
            } else {
              map.xx = map.yy = 1 / factor();
            }
            return map;
          },
      .options = {{.name = "axes",
                   .summary = "1: one factor of the size for both axes; 2: one "
                              "for each, of the distances from the centre at "
                              "which pixels are read",
                   .unit = "",
                   .fallback = 1,
                   .min = 1,
                   .max = 2,
                   .whole = true}}};
}

}  // namespace digitnet::augment
