#include "augment/geometry.h"

#include <algorithm>
#include <cmath>

namespace digitnet::augment {
namespace {

double middle(int64_t size) { return static_cast<double>(size - 1) / 2; }

// plane[height, width] between its pixels, clamped at the border.
float clamped_at(const float* plane, int64_t height, int64_t width, float x,
                 float y) {
  const float column = std::clamp(x, 0.0f, static_cast<float>(width - 1));
  const float row = std::clamp(y, 0.0f, static_cast<float>(height - 1));
  const auto j = static_cast<int64_t>(column);
  const auto i = static_cast<int64_t>(row);
  const int64_t right = std::min(j + 1, width - 1);
  const int64_t low = std::min(i + 1, height - 1);
  const float across = column - static_cast<float>(j);
  const float down = row - static_cast<float>(i);
  const float* above = plane + i * width;
  const float* below = plane + low * width;
  const float first = above[j] + (above[right] - above[j]) * across;
  const float second = below[j] + (below[right] - below[j]) * across;
  return first + (second - first) * down;
}

// `position` mirrored at the outer edges of the first and last pixel.
double reflected(double position, double size) {
  const double turns = (position + 0.5) / (2 * size);
  return size - 0.5 - std::abs((turns - std::floor(turns)) * 2 * size - size);
}

// Reads one plane as Sampling says.
class Reader {
 public:
  Reader(const float* plane, int64_t height, int64_t width,
         const Sampling& sampling, float beyond)
      : plane_(plane),
        height_(height),
        width_(width),
        sampling_(sampling),
        beyond_(beyond) {}

  float at(double x, double y) const {
    if (sampling_.fill == Fill::Reflect) {
      x = reflected(x, static_cast<double>(width_));
      y = reflected(y, static_cast<double>(height_));
    }
    // Further out nothing changes; and any position fits an integer.
    x = std::clamp(x, -1.0, static_cast<double>(width_));
    y = std::clamp(y, -1.0, static_cast<double>(height_));
    if (sampling_.nearest) {
      return pixel(static_cast<int64_t>(std::floor(y + 0.5)),
                   static_cast<int64_t>(std::floor(x + 0.5)));
    }
    const double left = std::floor(x), top = std::floor(y);
    const auto i = static_cast<int64_t>(top), j = static_cast<int64_t>(left);
    const auto across = static_cast<float>(x - left),
               down = static_cast<float>(y - top);
    const float above = pixel(i, j) + (pixel(i, j + 1) - pixel(i, j)) * across;
    const float below =
        pixel(i + 1, j) + (pixel(i + 1, j + 1) - pixel(i + 1, j)) * across;
    return above + (below - above) * down;
  }

 private:
  float pixel(int64_t y, int64_t x) const {
    if (sampling_.fill == Fill::Constant &&
        (y < 0 || y >= height_ || x < 0 || x >= width_))
      return beyond_;
    return plane_[std::clamp<int64_t>(y, 0, height_ - 1) * width_ +
                  std::clamp<int64_t>(x, 0, width_ - 1)];
  }

  const float* plane_;
  int64_t height_, width_;
  const Sampling& sampling_;
  float beyond_;
};

}  // namespace

Affine Affine::then(const Affine& next) const {
  return {next.xx * xx + next.xy * yx,
          next.xx * xy + next.xy * yy,
          next.yx * xx + next.yy * yx,
          next.yx * xy + next.yy * yy,
          next.xx * dx + next.xy * dy + next.dx,
          next.yx * dx + next.yy * dy + next.dy};
}

bool Affine::is_identity() const {
  return xx == 1 && xy == 0 && yx == 0 && yy == 1 && dx == 0 && dy == 0;
}

std::array<double, 6> from_first_pixel(const Affine& map, const Shape& shape) {
  const double middle_x = middle(shape.width), middle_y = middle(shape.height);
  return {map.xx,
          map.xy,
          map.dx + middle_x - map.xx * middle_x - map.xy * middle_y,
          map.yx,
          map.yy,
          map.dy + middle_y - map.yx * middle_x - map.yy * middle_y};
}

void SamplingGrid::apply(const Affine& map) {
  const double middle_x = middle(shape_.width);
  const double middle_y = middle(shape_.height);
  for (int64_t i = 0; i < shape_.height * shape_.width; ++i) {
    const double u = x_[i] - middle_x, v = y_[i] - middle_y;
    x_[i] = static_cast<float>(map.xx * u + map.xy * v + map.dx + middle_x);
    y_[i] = static_cast<float>(map.yx * u + map.yy * v + map.dy + middle_y);
  }
}

void SamplingGrid::warp(const float* dx, const float* dy, float* x, float* y) {
  const int64_t height = shape_.height, width = shape_.width;
  const bool first = x_ == nullptr;
  const bool moved = !pending_.is_identity();
  if (first) {
    x_ = x;
    y_ = y;
    for (int64_t i = 0; i < height * width; ++i) {
      x_[i] = static_cast<float>(i % width);
      y_[i] = static_cast<float>(i / width);
    }
  }
  finish();
  for (int64_t i = 0; i < height * width; ++i) {
    const bool on_pixel = first && !moved;
    const float u = x_[i], v = y_[i];
    x_[i] = u + (on_pixel ? dx[i] : clamped_at(dx, height, width, u, v));
    y_[i] = v + (on_pixel ? dy[i] : clamped_at(dy, height, width, u, v));
  }
}

void SamplingGrid::finish() {
  if (!x_ || pending_.is_identity()) return;
  apply(pending_);
  pending_ = {};
}

void resample(const uint8_t* image, const Shape& shape,
              const SamplingGrid& grid, const Sampling& sampling, double full,
              const kernels::Kernels& kernels, uint32_t* quads, float scale,
              float shift, float* out) {
  const int64_t plane = shape.height * shape.width;
  const int beyond = sampling.fill == Fill::Constant
                         ? static_cast<int>(std::lround(sampling.value * full))
                         : -1;
  const auto map = from_first_pixel(grid.map(), shape);
  kernels::Resample from{};
  from.height = shape.height;
  from.width = shape.width;
  from.xx = static_cast<float>(map[0]);
  from.xy = static_cast<float>(map[1]);
  from.dx = static_cast<float>(map[2]);
  from.yx = static_cast<float>(map[3]);
  from.yy = static_cast<float>(map[4]);
  from.dy = static_cast<float>(map[5]);
  from.x = grid.x();
  from.y = grid.y();
  from.reflect = sampling.fill == Fill::Reflect;
  from.nearest = sampling.nearest;
  from.quads = quads;
  from.scale = scale;
  from.shift = shift;
  for (int64_t c = 0; c < shape.channels; ++c) {
    kernels.quads(image + c * plane, shape.height, shape.width, beyond, quads);
    from.out = out + c * plane;
    kernels.resample(from);
  }
}

void resample(const float* image, const Shape& shape, const SamplingGrid& grid,
              const Sampling& sampling, double full, float* out) {
  const int64_t plane = shape.height * shape.width;
  const double middle_x = middle(shape.width), middle_y = middle(shape.height);
  const Affine& map = grid.map();
  for (int64_t c = 0; c < shape.channels; ++c) {
    const Reader reader(image + c * plane, shape.height, shape.width, sampling,
                        static_cast<float>(sampling.value * full));
    for (int64_t i = 0; i < plane; ++i) {
      if (grid.x()) {
        out[c * plane + i] = reader.at(grid.x()[i], grid.y()[i]);
        continue;
      }
      const double u = static_cast<double>(i % shape.width) - middle_x;
      const double v = static_cast<double>(i / shape.width) - middle_y;
      out[c * plane + i] =
          reader.at(map.xx * u + map.xy * v + map.dx + middle_x,
                    map.yx * u + map.yy * v + map.dy + middle_y);
    }
  }
}

}  // namespace digitnet::augment
