#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "corrupt/all.h"

namespace digitnet::corrupt {

CorruptionEntry glass_blur() {
  return {"glass_blur",
          "blurred, pixels twice exchanged with a neighbour, blurred again", 3,
          [](Draws& draws, const Plane& plane) {
            constexpr double kSigma = 0.7;
            gaussian(plane, kSigma);
            for (int pass = 0; pass < 2; ++pass) {
              for (int64_t y = plane.height - 1; y > 1; --y) {
                for (int64_t x = plane.width - 1; x > 1; --x) {
                  const uint32_t bits = draws.bits();
                  std::swap(plane.at(y, x),
                            plane.at(y - (bits & 1), x - (bits >> 1 & 1)));
                }
              }
            }
            gaussian(plane, kSigma);
          }};
}

CorruptionEntry motion_blur() {
  return {"motion_blur", "smeared to one side, by up to 45 degrees", 4,
          [](Draws& draws, const Plane& plane) {
            const double sigma = 3 * plane.unit();
            const auto taps =
                1 + static_cast<int64_t>(std::lround(20 * plane.unit()));
            const double angle =
                draws.uniform(-std::numbers::pi / 4, std::numbers::pi / 4);
            const std::vector<double> from(plane.pixels,
                                           plane.pixels + plane.size());
            std::fill_n(plane.pixels, plane.size(), 0.0);
            double total = 0;
            for (int64_t k = 0; k < taps; ++k) {
              const auto at = static_cast<double>(k);
              const double tap = std::exp(-at * at / (2 * sigma * sigma));
              total += tap;
              const int64_t dx = std::lround(at * std::cos(angle));
              const int64_t dy = std::lround(at * std::sin(angle));
              for (int64_t y = 0; y < plane.height; ++y) {
                const int64_t row =
                    std::clamp<int64_t>(y + dy, 0, plane.height - 1);
                for (int64_t x = 0; x < plane.width; ++x) {
                  const int64_t column = std::min(x + dx, plane.width - 1);
                  plane.at(y, x) += tap * from[row * plane.width + column];
                }
              }
            }
            for (int64_t p = 0; p < plane.size(); ++p) plane.pixels[p] /= total;
          }};
}

}  // namespace digitnet::corrupt
