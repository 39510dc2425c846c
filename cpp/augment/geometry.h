// One resampling of an image through maps and displacements.
#pragma once

#include <array>

#include "augment/op.h"
#include "data/view.h"

namespace digitnet::augment {

enum class Fill { Constant, Nearest, Reflect };

// How values between pixels and beyond the border are made.
struct Sampling {
  Fill fill = Fill::Constant;  // Reflect: b a | a b c d | d c
  double value = 0;            // of Constant, a part of full intensity
  bool nearest = false;        // the nearest pixel instead of bilinear
};

// `map` of images of this shape, measured from the first pixel: xx, xy, dx, yx,
// yy, dy.
std::array<double, 6> from_first_pixel(const Affine& map, const Shape& shape);

// Where every output pixel reads the input: an affine map, or a position for
// each pixel once something warps. Operations are added from the last to the
// first, as an output pixel is traced back.
class SamplingGrid {
 public:
  explicit SamplingGrid(const Shape& shape) : shape_(shape) {}

  void compose(const Affine& map) { pending_ = pending_.then(map); }
  // Displacements dx[H * W] and dy[H * W], read bilinearly and clamped at the
  // border. x[H * W] and y[H * W] hold the positions from then on.
  void warp(const float* dx, const float* dy, float* x, float* y);
  // To be called after the last operation.
  void finish();

  // What finish() leaves: positions in pixels from the first one, or a map.
  const float* x() const { return x_; }  // null if nothing was warped
  const float* y() const { return y_; }
  const Affine& map() const { return pending_; }

 private:
  void apply(const Affine& map);

  Shape shape_;
  Affine pending_;
  float* x_ = nullptr;
  float* y_ = nullptr;
};

// One image of bytes or floats [C, H, W] read at `grid`, times `scale` plus
// `shift`, to out[C * H * W]. Of bytes, values are within a thousandth of a
// grey level of exact ones for images of up to 64 pixels a side: positions are
// computed in float. `quads` is memory of kernels::quads_size(H, W).
void resample(const uint8_t* image, const Shape& shape,
              const SamplingGrid& grid, const Sampling& sampling, double full,
              const kernels::Kernels& kernels, uint32_t* quads, float scale,
              float shift, float* out);
void resample(const float* image, const Shape& shape, const SamplingGrid& grid,
              const Sampling& sampling, double full, float* out);

}  // namespace digitnet::augment
