#include <algorithm>
#include <cmath>

#include "augment/filtering.h"
#include "augment/ops.h"

namespace digitnet::augment {
namespace {

void warp(Draws& draws, const Amounts& amounts, const Shape& shape,
          Workspace& work, float* dx, float* dy) {
  const double side = static_cast<double>(std::min(shape.height, shape.width));
  const double sigma = amounts.options[0] > 0 ? amounts.options[0] : side / 7;
  // The noise covers what the filter reads beyond the border: displacements are
  // as large there as in the middle.
  const Gaussian filter(sigma, work);
  const int64_t radius = filter.radius;
  const int64_t stride = shape.width + 2 * radius;
  const int64_t count = (shape.height + 2 * radius) * stride;
  float* noise = work.padded.reserve(count + kernels::kSlack);
  // Uniform noise has a standard deviation of 1 / sqrt(3); filtering along
  // rows and columns multiplies it by the taps' sum of squares.
  const auto gain = static_cast<float>(amounts.strength * std::sqrt(3.0) /
                                       filter.sum_of_squares());
  const int64_t plane = shape.height * shape.width;
  for (float* out : {dx, dy}) {
    draw_plane(draws, out == dx ? 0 : 1, Noise::Uniform, noise, count, work);
    filter.apply(noise, shape.height, shape.width, work, out);
    for (int64_t i = 0; i < plane; ++i) out[i] *= gain;
  }
}

}  // namespace

OpEntry elastic() {
  return {.name = "elastic",
          .summary =
              "move every pixel by its own displacement: noise smoothed "
              "by a Gaussian of sigma, with this standard deviation",
          .source = "Simard, Steinkraus, Platt, ICDAR 2003, section 2",
          .units = {"px", "%"},
          .max_strength = 64,
          .stream = 8,
          .warp = warp,
          .options = {{"sigma",
                       "of the Gaussian; 0 is a seventh of the shorter side",
                       "px", 0, 0, 64}}};
}

}  // namespace digitnet::augment
