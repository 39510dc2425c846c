#include "augment/filtering.h"

#include <algorithm>
#include <cmath>

namespace digitnet::augment {
namespace {

// Far from the blocks that single draws take, and from each other.
constexpr uint32_t kFirstBlock = 0x80000000u;
constexpr uint32_t kPlaneBlocks = 0x40000000u;

}  // namespace

int64_t mirror(int64_t at, int64_t size) {
  const int64_t period = 2 * size;
  const int64_t place = ((at % period) + period) % period;
  return place < size ? place : period - 1 - place;
}

uint32_t first_block(uint32_t plane) {
  return kFirstBlock + plane * kPlaneBlocks;
}

void draw_plane(const Draws& draws, uint32_t plane, Noise noise, float* out,
                int64_t count, const Workspace& work) {
  const auto& key = draws.key();
  const auto& address = draws.counter();
  const kernels::Random random{{key[0], key[1]},
                               first_block(plane),
                               address[1],
                               address[2],
                               address[3],
                               out,
                               count};
  noise == Noise::Uniform ? work.kernels->uniforms(random)
                          : work.kernels->normals(random);
}

Gaussian::Gaussian(double sigma, Workspace& work)
    : radius(static_cast<int64_t>(std::ceil(3 * sigma))) {
  float* weights = work.taps.reserve(2 * radius + 1);
  double sum = 0;
  for (int64_t t = -radius; t <= radius; ++t)
    sum += std::exp(-0.5 * static_cast<double>(t * t) / (sigma * sigma));
  for (int64_t t = -radius; t <= radius; ++t) {
    weights[t + radius] = static_cast<float>(
        std::exp(-0.5 * static_cast<double>(t * t) / (sigma * sigma)) / sum);
  }
  taps = weights;
}

double Gaussian::sum_of_squares() const {
  double sum = 0;
  for (int64_t t = 0; t <= 2 * radius; ++t)
    sum += static_cast<double>(taps[t]) * taps[t];
  return sum;
}

void Gaussian::apply(const float* padded, int64_t height, int64_t width,
                     Workspace& work, float* out) const {
  const int64_t stride = width + 2 * radius;
  float* row = work.row.reserve(stride + 2 * kernels::kSlack);
  work.kernels->separable_filter(
      {padded, height, width, radius, stride, taps, row, out});
}

float gain_of(const Warp& warp, const Gaussian& filter) {
  // Uniform noise has a standard deviation of 1 / sqrt(3); filtering along
  // rows and columns multiplies it by the taps' sum of squares.
  return static_cast<float>(warp.std * std::sqrt(3.0) /
                            filter.sum_of_squares());
}

void draw_displacements(const Draws& draws, const Warp& warp,
                        const Shape& shape, Workspace& work, float* dx,
                        float* dy) {
  const Gaussian filter(warp.sigma, work);
  const int64_t border = 2 * filter.radius;
  const int64_t count = (shape.height + border) * (shape.width + border);
  float* noise = work.padded.reserve(count + kernels::kSlack);
  const float gain = gain_of(warp, filter);
  const int64_t plane = shape.height * shape.width;
  for (float* out : {dx, dy}) {
    draw_plane(draws, out == dx ? 0 : 1, Noise::Uniform, noise, count, work);
    filter.apply(noise, shape.height, shape.width, work, out);
    for (int64_t i = 0; i < plane; ++i) out[i] *= gain;
  }
}

const float* mirrored(const float* plane, int64_t height, int64_t width,
                      int64_t radius, Workspace& work) {
  const int64_t stride = width + 2 * radius;
  float* padded =
      work.padded.reserve((height + 2 * radius) * stride + kernels::kSlack);
  for (int64_t y = -radius; y < height + radius; ++y) {
    const float* from = plane + mirror(y, height) * width;
    float* to = padded + (y + radius) * stride;
    std::copy_n(from, width, to + radius);
    for (int64_t x = 0; x < radius; ++x) {
      to[x] = from[mirror(x - radius, width)];
      to[radius + width + x] = from[mirror(width + x, width)];
    }
  }
  return padded;
}

}  // namespace digitnet::augment
