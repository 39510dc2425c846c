#include <algorithm>

#include "corrupt/all.h"

namespace digitnet::corrupt {
namespace {

// A cloud in [0, 1] that fits to itself at its borders, `side` (a power of two)
// pixels a side: by squares and diamonds, ever finer.
// Source: Fournier, Fussell, Carpenter, CACM 1982, as in Hendrycks' plasma.
std::vector<double> plasma(Draws& draws, int64_t side, double decay) {
  std::vector<double> map(side * side, 0.0);
  const auto at = [&](int64_t y, int64_t x) -> double& {
    return map[(y + side) % side * side + (x + side) % side];
  };
  double wibble = 100;
  const auto wibbled = [&](double sum) {
    return sum / 4 + wibble * draws.uniform(-wibble, wibble);
  };
  for (int64_t step = side; step >= 2; step /= 2, wibble /= decay) {
    const int64_t half = step / 2;
    for (int64_t y = 0; y < side; y += step) {
      for (int64_t x = 0; x < side; x += step) {
        at(y + half, x + half) =
            wibbled(at(y, x) + at(y + step, x) + at(y, x + step) +
                    at(y + step, x + step));
      }
    }
    for (int64_t y = 0; y < side; y += step) {
      for (int64_t x = 0; x < side; x += step) {
        at(y, x + half) =
            wibbled(at(y + half, x + half) + at(y - half, x + half) + at(y, x) +
                    at(y, x + step));
      }
    }
    for (int64_t y = 0; y < side; y += step) {
      for (int64_t x = 0; x < side; x += step) {
        at(y + half, x) =
            wibbled(at(y + half, x + half) + at(y + half, x - half) + at(y, x) +
                    at(y + step, x));
      }
    }
  }
  const auto [low, high] = std::minmax_element(map.begin(), map.end());
  const double min = *low, range = *high - *low;
  for (double& value : map) value = (value - min) / range;
  return map;
}

}  // namespace

CorruptionEntry brightness() {
  return {"brightness", "half of full intensity added", 9,
          [](Draws&, const Plane& plane) {
            for (int64_t p = 0; p < plane.size(); ++p) plane.pixels[p] += 0.5;
          }};
}

CorruptionEntry stripe() {
  return {"stripe", "the left and right quarter inverted", 10,
          [](Draws&, const Plane& plane) {
            const int64_t quarter = plane.width / 4;
            for (int64_t y = 0; y < plane.height; ++y) {
              for (int64_t x = 0; x < plane.width; ++x) {
                if (x < quarter || x >= plane.width - quarter)
                  plane.at(y, x) = 1 - plane.at(y, x);
              }
            }
          }};
}

CorruptionEntry fog() {
  return {"fog", "behind a cloud three times as bright", 11,
          [](Draws& draws, const Plane& plane) {
            constexpr double kStrength = 3, kDecay = 1.4;
            int64_t side = 1;
            while (side < std::max(plane.height, plane.width)) side *= 2;
            const std::vector<double> cloud = plasma(draws, side, kDecay);
            const double largest =
                *std::max_element(plane.pixels, plane.pixels + plane.size());
            for (int64_t y = 0; y < plane.height; ++y) {
              for (int64_t x = 0; x < plane.width; ++x) {
                double& pixel = plane.at(y, x);
                pixel = (pixel + kStrength * cloud[y * side + x]) * largest /
                        (largest + kStrength);
              }
            }
          }};
}

}  // namespace digitnet::corrupt
