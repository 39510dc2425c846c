#include "augment/ops.h"

namespace digitnet::augment {

OpEntry horizontal_flip() {
  return {.name = "horizontal_flip",
          .summary = "mirror left and right with this probability",
          .source = "Krizhevsky, Sutskever, Hinton, NIPS 2012, section 4.1",
          .units = {"", "%"},
          .max_strength = 1,
          .stream = 5,
          .affine =
              [](Draws& draws, const Amounts& amounts, const Shape&) {
                Affine map;
                if (draws.uniform() < amounts.strength) map.xx = -1;
                return map;
              },
          .chance = true};
}

OpEntry vertical_flip() {
  return {.name = "vertical_flip",
          .summary = "mirror top and bottom with this probability",
          .source = "Krizhevsky, Sutskever, Hinton, NIPS 2012, section 4.1",
          .units = {"", "%"},
          .max_strength = 1,
          .stream = 6,
          .affine =
              [](Draws& draws, const Amounts& amounts, const Shape&) {
                Affine map;
                if (draws.uniform() < amounts.strength) map.yy = -1;
                return map;
              },
          .chance = true};
}

}  // namespace digitnet::augment
