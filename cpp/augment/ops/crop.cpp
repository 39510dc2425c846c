#include <cmath>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry crop() {
  return {.name = "crop",
          .summary =
              "pad by so many pixels and cut the old size out at a "
              "whole-pixel place",
          .source = "Krizhevsky, Sutskever, Hinton, NIPS 2012, section 4.1",
          .units = {"px", "%"},
          .max_strength = 512,
          .stream = 7,
          .affine = [](Draws& draws, const Amounts& amounts, const Shape&) {
            const auto max_px =
                static_cast<int64_t>(std::llround(amounts.strength));
            const auto offset = [&] {
              return static_cast<double>(
                  static_cast<int64_t>(draws.below(2 * max_px + 1)) - max_px);
            };
            Affine map;
            map.dx = offset();
            map.dy = offset();
            return map;
          }};
}

}  // namespace digitnet::augment
