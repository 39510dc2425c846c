#include "engine/native/winograd.h"

#include <algorithm>

namespace digitnet::engine::native {
namespace {

using kernels::kPanel;

int64_t tiles_along(int64_t size, int64_t side) {
  return (size + side - 1) / side;
}

int64_t square(int64_t value) { return value * value; }

// F(4x4, 3x3) loses a digit more to rounding, F(2x2, 3x3) none: the large tiles
// only where they save more than a quarter of the products.
Tiling with_best_side(const Tiling& small) {
  if (small.kernel == 5) return small;
  Tiling large = small;
  large.side = 4;
  const auto products = [](const Tiling& t) { return t.points() * t.tiles(); };
  return products(large) * 4 < products(small) * 3 ? large : small;
}

}  // namespace

std::optional<Tiling> Tiling::of(int64_t kernel, int64_t stride, int64_t inputs,
                                 int64_t outputs, int64_t height,
                                 int64_t width) {
  // Transforms cost the same whatever the channels on the other side: they pay
  // when both have a whole vector of 16, and a map has some twelve tiles.
  const bool pays = stride == 1 && (kernel == 3 || kernel == 5) &&
                    inputs >= 16 && outputs >= 16 && height * width >= 48;
  if (!pays) return std::nullopt;
  return with_best_side({kernel, 2, inputs, outputs, height, width});
}

std::optional<Tiling> Tiling::of_phases(int64_t kernel, int64_t stride,
                                        int64_t inputs, int64_t outputs,
                                        int64_t height, int64_t width) {
  // Along a side of a phase, at most. Against the scattered sums of PlainConv
  // the transforms of four phases paid from 32 channels on.
  const int64_t taps = (kernel + 1) / 2;
  const bool pays = stride == 2 && (taps == 3 || taps == 5) && inputs >= 32 &&
                    outputs >= 32 && height * width >= 16;
  if (!pays) return std::nullopt;
  return with_best_side({taps, 2, inputs, outputs, height, width});
}

kernels::PointWeights Tiling::panel(int64_t panel, float* weights,
                                    float* points) const {
  kernels::PointWeights w{};
  w.kernel = w.window = kernel;
  w.side = side;
  w.inputs = inputs;
  w.outputs = outputs;
  w.panel = panel;
  w.weights = weights;
  w.points = points;
  w.plane = this->weights(1);
  w.step = 1;
  return w;
}

int64_t Tiling::points() const {
  return square(kernels::point_side(kernel, side));
}

int64_t Tiling::tiles() const {
  return tiles_along(height, side) * tiles_along(width, side);
}

kernels::Tiles Tiling::over(const Map& map, float* start) const {
  kernels::Tiles t{};
  t.kernel = kernel;
  t.side = side;
  t.height = height;
  t.width = width;
  t.count = tiles();
  t.channels = t.pixel = map.channels;
  t.map = start;
  t.line = map.row();
  t.image = map.image();
  return t;
}

kernels::Convolution product(const float* x, int64_t rows, int64_t inputs,
                             const float* weights, int64_t outputs, float* y) {
  kernels::Convolution c{};
  c.x = x;
  c.x_pixel = c.run = inputs;
  c.rows = c.height = 1;
  c.weights = weights;
  c.weights_panel = kPanel * inputs;
  c.outputs = c.y_pixel = outputs;
  c.last_panel = kernels::panel_count(outputs);
  c.width = rows;
  c.y = y;
  return c;
}

// Each point's product reads all its weights: the more tiles at once, the less
// often, but inputs and outputs of a panel at all points are to stay in 512 KiB
// of a core's second cache. Whole blocks of 12 tiles fill AVX-512's registers.
WinogradForward::WinogradForward(const Tiling& tiling) : tiling_(tiling) {
  constexpr int64_t kCached = 128 << 10, kBlock = 12;
  const int64_t floats = tiling.points() * (tiling.inputs + kPanel);
  at_once_ =
      std::clamp(kCached / floats / kBlock * kBlock, 2 * kBlock, 5 * kBlock);
  images_ = tiles_along(at_once_, tiling.tiles());
}

void WinogradForward::prepare(int threads) {
  weights_.reserve(tiling_.weights(tiling_.points()));
  scratch_size_ =
      tiling_.points() * at_once_ * (tiling_.inputs + kPanel) + kernels::kSlack;
  scratch_.reserve(threads * scratch_size_);
}

void WinogradForward::transform(const Pass& pass, float* weights) {
  pass.pool.parallel_for(kernels::panel_count(tiling_.outputs),
                         [&](int64_t panel) {
                           pass.kernels.winograd_weights(
                               tiling_.panel(panel, weights, weights_.data()));
                         });
}

void WinogradForward::run(const Pass& pass, kernels::Tiles windows,
                          kernels::Tiles outputs, int64_t first, int64_t last,
                          int thread) {
  const int64_t inputs = tiling_.inputs;
  const int64_t end = last * tiling_.tiles();
  float* const x = scratch_.data() + thread * scratch_size_;
  for (int64_t at = first * tiling_.tiles(); at < end; at += at_once_) {
    const int64_t count = std::min(at_once_, end - at);
    float* const sums = x + tiling_.points() * count * inputs;
    windows.first = outputs.first = at;
    windows.count = outputs.count = count;
    windows.points = x;
    windows.plane = count * inputs;
    pass.kernels.winograd_input(windows);
    kernels::Tiles y = outputs;
    for (int64_t o = 0; o < tiling_.outputs; o += kPanel) {
      const int64_t width = kernels::panel_width(tiling_.outputs, o / kPanel);
      for (int64_t point = 0; point < tiling_.points(); ++point) {
        pass.kernels.convolve(
            product(x + point * count * inputs, count, inputs,
                    weights_.data() + tiling_.weights(point) + o * inputs,
                    width, sums + point * count * width));
      }
      y.channels = width;
      y.points = sums;
      y.plane = count * width;
      y.map = outputs.map + o;
      y.valid = tiling_.outputs - o;
      if (outputs.bias) y.bias = outputs.bias + o;
      if (outputs.argmax) y.argmax = outputs.argmax + o;
      pass.kernels.winograd_output(y);
    }
  }
}

}  // namespace digitnet::engine::native
