#include "corrupt/corruption.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace digitnet::corrupt {
namespace {

constexpr uint32_t kFirstStream = 65536;  // beyond those of augmentations

// `from` along one direction: `count` pixels that lie `step` apart.
void filter_line(const double* from, double* to, int64_t count, int64_t step,
                 const std::vector<double>& taps) {
  const auto radius = static_cast<int64_t>(taps.size()) - 1;
  for (int64_t i = 0; i < count; ++i) {
    double sum = taps[0] * from[i * step];
    for (int64_t k = 1; k <= radius; ++k) {
      sum += taps[k] * (from[std::max<int64_t>(i - k, 0) * step] +
                        from[std::min(i + k, count - 1) * step]);
    }
    to[i * step] = sum;
  }
}

}  // namespace

void gaussian(const Plane& plane, double sigma) {
  const auto radius = static_cast<int64_t>(4 * sigma + 0.5);
  std::vector<double> taps(radius + 1);
  double total = 0;
  for (int64_t k = 0; k <= radius; ++k) {
    const double at = static_cast<double>(k) / sigma;
    taps[k] = std::exp(-at * at / 2);
    total += k ? 2 * taps[k] : taps[k];
  }
  for (double& tap : taps) tap /= total;
  std::vector<double> between(plane.size());
  for (int64_t x = 0; x < plane.width; ++x) {
    filter_line(plane.pixels + x, between.data() + x, plane.height, plane.width,
                taps);
  }
  for (int64_t y = 0; y < plane.height; ++y) {
    filter_line(between.data() + y * plane.width,
                plane.pixels + y * plane.width, plane.width, 1, taps);
  }
}

void warp(const Plane& plane, const Warp& warp) {
  const std::vector<double> from(plane.pixels, plane.pixels + plane.size());
  const auto pixel = [&](int64_t y, int64_t x) {
    const bool inside = y >= 0 && x >= 0 && y < plane.height && x < plane.width;
    return inside ? from[y * plane.width + x] : 0.0;
  };
  const double middle_x = static_cast<double>(plane.width - 1) / 2;
  const double middle_y = static_cast<double>(plane.height - 1) / 2;
  for (int64_t y = 0; y < plane.height; ++y) {
    for (int64_t x = 0; x < plane.width; ++x) {
      const double dx = static_cast<double>(x) - middle_x;
      const double dy = static_cast<double>(y) - middle_y;
      const double at_x =
          warp.matrix[0] * dx + warp.matrix[1] * dy + middle_x + warp.shift[0];
      const double at_y =
          warp.matrix[2] * dx + warp.matrix[3] * dy + middle_y + warp.shift[1];
      const auto left = static_cast<int64_t>(std::floor(at_x));
      const auto top = static_cast<int64_t>(std::floor(at_y));
      const double right = at_x - static_cast<double>(left);
      const double bottom = at_y - static_cast<double>(top);
      plane.at(y, x) = (1 - bottom) * ((1 - right) * pixel(top, left) +
                                       right * pixel(top, left + 1)) +
                       bottom * ((1 - right) * pixel(top + 1, left) +
                                 right * pixel(top + 1, left + 1));
    }
  }
}

// Source: Box, Muller, Annals of Mathematical Statistics 1958.
double normal(Draws& draws) {
  const double length = std::sqrt(-2 * std::log(1 - draws.uniform()));
  return length * std::cos(2 * std::numbers::pi * draws.uniform());
}

double random_sign(Draws& draws) { return draws.bits() & 1 ? 1 : -1; }

void corrupt(const CorruptionEntry& entry, const data::DatasetView& data,
             int64_t i, double max_value, uint64_t seed, float* out) {
  const Shape& shape = data.images.shape;
  data.images.read(data.row(i), out);
  const int64_t size = shape.height * shape.width;
  std::vector<double> pixels(size);
  const bool whole = data.images.type == data::PixelType::UInt8;
  for (int64_t c = 0; c < shape.channels; ++c, out += size) {
    for (int64_t p = 0; p < size; ++p) pixels[p] = out[p] / max_value;
    Draws draws(seed, kFirstStream + entry.stream, 0, i);
    entry.apply(draws, {pixels.data(), shape.height, shape.width});
    for (int64_t p = 0; p < size; ++p) {
      const double value = std::clamp(pixels[p], 0.0, 1.0) * max_value;
      out[p] = static_cast<float>(whole ? std::floor(value + 0.5) : value);
    }
  }
}

}  // namespace digitnet::corrupt
