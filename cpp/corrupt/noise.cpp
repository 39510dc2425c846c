#include <cmath>

#include "corrupt/all.h"

namespace digitnet::corrupt {
namespace {

// A Poisson number of a small mean, as products of uniform ones.
// Source: Knuth, The Art of Computer Programming 2, section 3.4.1.
int poisson(Draws& draws, double mean) {
  const double limit = std::exp(-mean);
  int count = 0;
  for (double product = draws.uniform(); product > limit;
       product *= draws.uniform())
    ++count;
  return count;
}

}  // namespace

CorruptionEntry shot_noise() {
  return {"shot_noise", "a Poisson number of photons, three at full intensity",
          1, [](Draws& draws, const Plane& plane) {
            constexpr double kPhotons = 3;
            for (int64_t p = 0; p < plane.size(); ++p) {
              double& pixel = plane.pixels[p];
              if (pixel > 0)
                pixel = poisson(draws, kPhotons * pixel) / kPhotons;
            }
          }};
}

CorruptionEntry impulse_noise() {
  return {"impulse_noise", "17 % of the pixels are white or black", 2,
          [](Draws& draws, const Plane& plane) {
            constexpr double kPart = 0.17;
            for (int64_t p = 0; p < plane.size(); ++p) {
              const double draw = draws.uniform();
              if (draw < kPart) plane.pixels[p] = draw < kPart / 2 ? 0 : 1;
            }
          }};
}

}  // namespace digitnet::corrupt
