#include "augment/ops.h"

namespace digitnet::augment {

OpEntry horizontal_flip() {
  return {"horizontal_flip",
          "mirror left and right with this probability",
          "Krizhevsky, Sutskever, Hinton, NIPS 2012, section 4.1",
          {"", "%"},
          1,
          5,
          [](Draws& draws, double strength, const Shape&) {
            Affine map;
            if (draws.uniform() < strength) map.xx = -1;
            return map;
          }};
}

OpEntry vertical_flip() {
  return {"vertical_flip",
          "mirror top and bottom with this probability",
          "Krizhevsky, Sutskever, Hinton, NIPS 2012, section 4.1",
          {"", "%"},
          1,
          6,
          [](Draws& draws, double strength, const Shape&) {
            Affine map;
            if (draws.uniform() < strength) map.yy = -1;
            return map;
          }};
}

}  // namespace digitnet::augment
