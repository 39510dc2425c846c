#include "augment/ops.h"

namespace digitnet::augment {

OpEntry zoom() {
  return {"zoom",
          "enlarge or shrink about the centre by up to this fraction",
          "Simard, Steinkraus, Platt, ICDAR 2003",
          {"", "%"},
          0.9,
          3,
          [](Draws& draws, const Amounts& amounts, const Shape&) {
            Affine map;
            map.xx = map.yy =
                1 / draws.uniform(1 - amounts.strength, 1 + amounts.strength);
            return map;
          }};
}

}  // namespace digitnet::augment
