#include <algorithm>

#include "augment/ops.h"

namespace digitnet::augment {

OpEntry elastic() {
  return {.name = "elastic",
          .summary =
              "move every pixel by its own displacement: noise smoothed "
              "by a Gaussian of sigma, with this standard deviation",
          .source = "Simard, Steinkraus, Platt, ICDAR 2003, section 2",
          .units = {"px", "%"},
          .max_strength = 64,
          .stream = 8,
          .warp =
              [](const Amounts& amounts, const Shape& shape) {
                const auto side =
                    static_cast<double>(std::min(shape.height, shape.width));
                const double sigma = amounts.options[0];
                return Warp{sigma > 0 ? sigma : side / 7, amounts.strength};
              },
          .options = {{"sigma",
                       "of the Gaussian; 0 is a seventh of the shorter side",
                       "px", 0, 0, 64}}};
}

}  // namespace digitnet::augment
