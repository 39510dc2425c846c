#include "augment/ops.h"

namespace digitnet::augment {

OpEntry shift() {
  return {"shift",
          "move by up to so many pixels, rows and columns drawn apart",
          "Simard, Steinkraus, Platt, ICDAR 2003",
          {"px", "%"},
          512,
          1,
          [](Draws& draws, const Amounts& amounts, const Shape&) {
            Affine map;
            map.dx = draws.uniform(-amounts.strength, amounts.strength);
            map.dy = draws.uniform(-amounts.strength, amounts.strength);
            return map;
          }};
}

}  // namespace digitnet::augment
