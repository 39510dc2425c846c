#include <algorithm>
#include <cmath>

#include "corrupt/all.h"

namespace digitnet::corrupt {
namespace {

struct Gradient {
  double x, y;
  double size() const { return std::hypot(x, y); }
};

// Sobel's differences; beyond the border the nearest pixel.
std::vector<Gradient> gradients_of(const Plane& plane) {
  std::vector<Gradient> result(plane.size());
  const auto pixel = [&](int64_t y, int64_t x) {
    return plane.at(std::clamp<int64_t>(y, 0, plane.height - 1),
                    std::clamp<int64_t>(x, 0, plane.width - 1));
  };
  for (int64_t y = 0; y < plane.height; ++y) {
    for (int64_t x = 0; x < plane.width; ++x) {
      Gradient& gradient = result[y * plane.width + x];
      for (int64_t k = -1; k <= 1; ++k) {
        const double weight = k == 0 ? 2 : 1;
        gradient.x += weight * (pixel(y + k, x + 1) - pixel(y + k, x - 1));
        gradient.y += weight * (pixel(y + 1, x + k) - pixel(y - 1, x + k));
      }
    }
  }
  return result;
}

// Whether no neighbour across the edge is steeper; between two pixels their
// sizes are mixed.
bool is_ridge(const std::vector<double>& sizes, const Plane& plane, int64_t y,
              int64_t x, const Gradient& gradient) {
  const int64_t dy = gradient.y < 0 ? -1 : 1, dx = gradient.x < 0 ? -1 : 1;
  const bool flat = std::abs(gradient.x) >= std::abs(gradient.y);
  const double across = flat ? std::abs(gradient.y / gradient.x)
                             : std::abs(gradient.x / gradient.y);
  const auto size = [&](int64_t sign, bool diagonal) {
    const int64_t down = diagonal || !flat ? sign * dy : 0;
    const int64_t right = diagonal || flat ? sign * dx : 0;
    return sizes[(y + down) * plane.width + x + right];
  };
  const double size_here = sizes[y * plane.width + x];
  for (const int64_t sign : {1, -1}) {
    if ((1 - across) * size(sign, false) + across * size(sign, true) >
        size_here)
      return false;
  }
  return true;
}

// Weak edges that hang together with a strong one, by all eight neighbours.
void keep_joined(const std::vector<char>& weak, std::vector<int64_t> strong,
                 const Plane& plane) {
  std::fill_n(plane.pixels, plane.size(), 0.0);
  for (const int64_t p : strong) plane.pixels[p] = 1;
  while (!strong.empty()) {
    const int64_t p = strong.back();
    strong.pop_back();
    for (const int64_t down : {-1, 0, 1}) {
      for (const int64_t right : {-1, 0, 1}) {
        // Ridges never touch the border: every neighbour exists.
        const int64_t next = p + down * plane.width + right;
        if (!weak[next] || plane.pixels[next] == 1) continue;
        plane.pixels[next] = 1;
        strong.push_back(next);
      }
    }
  }
}

}  // namespace

// Source: Canny, PAMI 1986.
CorruptionEntry canny_edges() {
  return {
      "canny_edges", "only its edges", 15, [](Draws&, const Plane& plane) {
        constexpr double kWeak = 0.1, kStrong = 0.2;
        gaussian(plane, plane.unit());
        const std::vector<Gradient> gradients = gradients_of(plane);
        std::vector<double> sizes;
        for (const Gradient& gradient : gradients)
          sizes.push_back(gradient.size());
        std::vector<char> weak(plane.size(), 0);
        std::vector<int64_t> strong;
        for (int64_t y = 1; y + 1 < plane.height; ++y) {
          for (int64_t x = 1; x + 1 < plane.width; ++x) {
            const int64_t p = y * plane.width + x;
            if (sizes[p] < kWeak || !is_ridge(sizes, plane, y, x, gradients[p]))
              continue;
            weak[p] = 1;
            if (sizes[p] >= kStrong) strong.push_back(p);
          }
        }
        keep_joined(weak, std::move(strong), plane);
      }};
}

}  // namespace digitnet::corrupt
