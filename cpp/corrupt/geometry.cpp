#include <cmath>

#include "corrupt/all.h"

namespace digitnet::corrupt {

CorruptionEntry shear() {
  return {"shear", "slanted by .4 radians to either side", 5,
          [](Draws& draws, const Plane& plane) {
            const double angle = 0.4 * random_sign(draws);
            warp(plane, {{1, -std::sin(angle), 0, std::cos(angle)}});
          }};
}

CorruptionEntry scale() {
  return {"scale", "shrunk to .7 of its size", 6,
          [](Draws&, const Plane& plane) {
            constexpr double kPart = 0.7;
            warp(plane, {{1 / kPart, 0, 0, 1 / kPart}});
          }};
}

CorruptionEntry rotate() {
  return {"rotate", "turned by .4 radians to either side", 7,
          [](Draws& draws, const Plane& plane) {
            const double angle = 0.4 * random_sign(draws);
            const double c = std::cos(angle), s = std::sin(angle);
            warp(plane, {{c, -s, s, c}});
          }};
}

CorruptionEntry translate() {
  return {"translate", "moved by 3 pixels of 28 in both directions", 8,
          [](Draws& draws, const Plane& plane) {
            const double pixels = std::round(3 * plane.unit());
            const double dx = pixels * random_sign(draws);
            const double dy = pixels * random_sign(draws);
            warp(plane, {{1, 0, 0, 1}, {dx, dy}});
          }};
}

}  // namespace digitnet::corrupt
