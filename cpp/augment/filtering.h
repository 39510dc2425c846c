// Noise and filters that operations share.
#pragma once

#include "augment/op.h"

namespace digitnet::augment {

enum class Noise { Uniform, Normal };  // in [-1, 1); of mean 0 and deviation 1

// Of Philox's counter, for the numbers of a plane (0 or 1).
uint32_t first_block(uint32_t plane);

// Random numbers to out[count]: a function of the seed, stream and indices of
// `draws` and of `plane` (0 or 1), not of its position.
void draw_plane(const Draws& draws, uint32_t plane, Noise noise, float* out,
                int64_t count, const Workspace& work);

// A Gaussian cut off at three standard deviations, with a sum of 1.
struct Gaussian {
  // 0 < sigma, in pixels. The taps lie in `work` until the next one is made.
  Gaussian(double sigma, Workspace& work);

  double sum_of_squares() const;
  // padded[height + 2 radius, width + 2 radius], readable for kSlack more, to
  // out[height, width].
  void apply(const float* padded, int64_t height, int64_t width,
             Workspace& work, float* out) const;

  int64_t radius;
  const float* taps;  // [2 radius + 1]
};

// What smoothed noise is multiplied by to become the displacements of `warp`.
float gain_of(const Warp& warp, const Gaussian& filter);

// Displacements of one draw, dx[H * W] and dy[H * W] in pixels: the pixel at p
// is read at p + (dx, dy). Planes 0 and 1 of `draws` are the noise, which
// covers what the filter reads beyond the border.
void draw_displacements(const Draws& draws, const Warp& warp,
                        const Shape& shape, Workspace& work, float* dx,
                        float* dy);

// Position `at` beyond 0 .. size - 1, mirrored at the outer edges of the first
// and last one as often as needed: b a | a b c d | d c.
int64_t mirror(int64_t at, int64_t size);

// plane[height, width] with a border of `radius`, mirrored. Lies in
// work.padded.
const float* mirrored(const float* plane, int64_t height, int64_t width,
                      int64_t radius, Workspace& work);

}  // namespace digitnet::augment
