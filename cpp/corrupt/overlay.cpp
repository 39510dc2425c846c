#include <algorithm>
#include <cmath>
#include <utility>

#include "corrupt/all.h"

namespace digitnet::corrupt {
namespace {

struct Point {
  double x, y;
};

// Ink along the way from one point to another, left to right: full on it,
// fading by the logarithm of the distance above or below. Only the columns of
// `shows`.
template <class F>
void draw_line(const Plane& plane, Point from, Point to, const F& shows) {
  if (from.x > to.x) std::swap(from, to);
  if (from.x == to.x) return;
  const double reach = 2.3 * plane.unit();
  const double slope = (to.y - from.y) / (to.x - from.x);
  const auto first =
      std::max<int64_t>(0, static_cast<int64_t>(std::floor(from.x)));
  const auto last =
      std::min(plane.width, static_cast<int64_t>(std::ceil(to.x)));
  for (int64_t x = first; x < last; ++x) {
    if (!shows(x)) continue;
    const double middle = from.y + slope * (static_cast<double>(x) - from.x);
    for (int64_t y = 0; y < plane.height; ++y) {
      const double away = std::abs(static_cast<double>(y) - middle) / reach;
      if (away >= 1) continue;
      const double ink = std::max(0.0, std::log(1 - away) + 1);
      plane.at(y, x) = std::min(1.0, plane.at(y, x) + ink);
    }
  }
}

// From near the left border to near the right one.
std::pair<Point, Point> across(Draws& draws, const Plane& plane) {
  const auto width = static_cast<double>(plane.width) / 28;
  const auto height = static_cast<double>(plane.height - 1);
  const Point from = {draws.uniform(0, 5) * width, draws.uniform(0, height)};
  const Point to = {draws.uniform(22, 27) * width, draws.uniform(0, height)};
  return {from, to};
}

}  // namespace

CorruptionEntry spatter() {
  return {"spatter", "splashes of mud", 12,
          [](Draws& draws, const Plane& plane) {
            constexpr double kLevel = 0.65, kDeviation = 0.3;
            constexpr double kMud = 63.0 / 255;
            std::vector<double> mud(plane.size());
            const Plane splashes = {mud.data(), plane.height, plane.width};
            for (double& drop : mud) drop = kLevel + kDeviation * normal(draws);
            gaussian(splashes, plane.unit());
            for (double& drop : mud) drop = drop > kLevel ? 1 : 0;
            gaussian(splashes, 1.5 * plane.unit());
            for (int64_t p = 0; p < plane.size(); ++p) {
              const double cover = mud[p] < 0.8 ? 0 : mud[p];
              plane.pixels[p] = plane.pixels[p] * (1 - cover) + kMud * cover;
            }
          }};
}

CorruptionEntry dotted_line() {
  return {"dotted_line", "a dotted line across", 13,
          [](Draws& draws, const Plane& plane) {
            const auto [from, to] = across(draws, plane);
            const auto start = static_cast<int64_t>(draws.below(5));
            draw_line(plane, from, to,
                      [&](int64_t x) { return (x + start) % 5 >= 2; });
          }};
}

CorruptionEntry zigzag() {
  return {"zigzag", "a zigzag across", 14,
          [](Draws& draws, const Plane& plane) {
            const auto [from, to] = across(draws, plane);
            const double step = 2 * plane.unit();  // along and aside
            const double length = std::hypot(to.x - from.x, to.y - from.y);
            const double c = (to.x - from.x) / length;
            const double s = (to.y - from.y) / length;
            const auto turned = [&, start = from](double along, double aside) {
              return Point{start.x + c * along - s * aside,
                           start.y + s * along + c * aside};
            };
            Point at = from;
            const auto shows = [](int64_t) { return true; };
            double aside = step;
            for (double along = step; along < length;
                 along += 2 * step, aside = -aside) {
              const Point next = turned(along, aside);
              draw_line(plane, at, next, shows);
              at = next;
            }
            draw_line(plane, at, to, shows);
          }};
}

}  // namespace digitnet::corrupt
