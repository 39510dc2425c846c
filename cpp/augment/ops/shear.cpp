#include <cmath>
#include <numbers>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry shear() {
  return {"shear",
          "slant about the centre by up to so many degrees, rows stay rows",
          "Simard, Steinkraus, Platt, ICDAR 2003",
          {"deg"},
          80,
          4,
          [](Draws& draws, const Amounts& amounts, const Shape&) {
            Affine map;
            map.xy =
                std::tan(draws.uniform(-amounts.strength, amounts.strength) *
                         std::numbers::pi / 180);
            return map;
          }};
}

}  // namespace digitnet::augment
