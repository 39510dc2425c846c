#include <cmath>
#include <numbers>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry rotate() {
  return {"rotate",
          "turn about the centre by up to so many degrees",
          "Simard, Steinkraus, Platt, ICDAR 2003",
          {"deg"},
          180,
          2,
          [](Draws& draws, const Amounts& amounts, const Shape&) {
            const double angle =
                draws.uniform(-amounts.strength, amounts.strength) *
                std::numbers::pi / 180;
            Affine map;
            map.xx = map.yy = std::cos(angle);
            map.xy = -std::sin(angle);
            map.yx = std::sin(angle);
            return map;
          }};
}

}  // namespace digitnet::augment
