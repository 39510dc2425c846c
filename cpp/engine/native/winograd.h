// Convolutions by Winograd's minimal filtering: how their maps are cut, and the
// forward pass.
#pragma once

#include <optional>

#include "engine/native/op.h"

namespace digitnet::engine::native {

// A convolution whose outputs are computed tile by tile.
struct Tiling {
  int64_t kernel, side;  // of a tile
  int64_t inputs, outputs, height, width;

  // The tiles with the fewest multiplications, if they beat the direct kernel.
  static std::optional<Tiling> of(int64_t kernel, int64_t stride,
                                  int64_t inputs, int64_t outputs,
                                  int64_t height, int64_t width);
  // The same of each of the four convolutions with stride 1 whose sum is one
  // with stride 2 (strided_winograd_conv.cpp); `kernel` is that one's.
  static std::optional<Tiling> of_phases(int64_t kernel, int64_t stride,
                                         int64_t inputs, int64_t outputs,
                                         int64_t height, int64_t width);
  int64_t points() const;
  int64_t tiles() const;  // of an image
  // Of weights at the points; at point p they begin at p * weights(1).
  int64_t weights(int64_t points) const {
    return points * pitch_of(inputs * kernels::padded(outputs));
  }
  // A panel of the convolution's own weights, and of those at the points.
  kernels::PointWeights panel(int64_t panel, float* weights,
                              float* points) const;
  // All tiles of an image of `map`, whose first window or output begins at
  // `start`; the caller sets their points.
  kernels::Tiles over(const Map& map, float* start) const;
};

// y[row, o] = sum of x[row, i] * weights[i, o]: what there is to do at a point.
kernels::Convolution product(const float* x, int64_t rows, int64_t inputs,
                             const float* weights, int64_t outputs, float* y);

// Use: prepare() once, transform() whenever the weights have changed, then run.
class WinogradForward {
 public:
  explicit WinogradForward(const Tiling& tiling);
  void prepare(int threads);
  void transform(const Pass& pass, float* weights);
  // At the points: of each, panels of [inputs, outputs].
  float* weights() { return weights_.data(); }
  int64_t images() const { return images_; }  // of one run

  // Images [first, last), by one thread. `windows` are tiles of the input,
  // `outputs` those of the output, of image 0.
  void run(const Pass& pass, kernels::Tiles windows, kernels::Tiles outputs,
           int64_t first, int64_t last, int thread);
  int64_t bytes() const { return weights_.bytes() + scratch_.bytes(); }

 private:
  Tiling tiling_;
  int64_t at_once_;  // tiles
  int64_t images_;
  int64_t scratch_size_ = 0;
  Buffer weights_, scratch_;  // scratch: of each thread
};

}  // namespace digitnet::engine::native
