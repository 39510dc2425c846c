#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace digitnet::data {
namespace {

// Target position i reads source pixels low and high with weight `part` for
// high.
struct Tap {
  int64_t low;
  int64_t high;
  float part;
};

std::vector<Tap> taps(int64_t from, int64_t to) {
  std::vector<Tap> result;
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (int64_t i = 0; i < to; ++i) {
    const float at =
        std::max(0.0f, (static_cast<float>(i) + 0.5f) * scale - 0.5f);
    const auto low = std::min(static_cast<int64_t>(at), from - 1);
    result.push_back(
        {low, std::min(low + 1, from - 1), at - static_cast<float>(low)});
  }
  return result;
}

}  // namespace

void resize_nearest(const float* from, int64_t height, int64_t width,
                    float* out, int64_t out_height, int64_t out_width) {
  const float down =
      static_cast<float>(height) / static_cast<float>(out_height);
  const float across =
      static_cast<float>(width) / static_cast<float>(out_width);
  for (int64_t y = 0; y < out_height; ++y) {
    const int64_t row = std::min(
        static_cast<int64_t>(static_cast<float>(y) * down), height - 1);
    for (int64_t x = 0; x < out_width; ++x) {
      const int64_t column = std::min(
          static_cast<int64_t>(static_cast<float>(x) * across), width - 1);
      out[y * out_width + x] = from[row * width + column];
    }
  }
}

void resize_bilinear(const float* from, int64_t height, int64_t width,
                     float* out, int64_t out_height, int64_t out_width) {
  const auto rows = taps(height, out_height);
  const auto columns = taps(width, out_width);
  for (int64_t y = 0; y < out_height; ++y) {
    const float* top = from + rows[y].low * width;
    const float* bottom = from + rows[y].high * width;
    for (int64_t x = 0; x < out_width; ++x) {
      const Tap& tap = columns[x];
      const float above =
          top[tap.low] + (top[tap.high] - top[tap.low]) * tap.part;
      const float below =
          bottom[tap.low] + (bottom[tap.high] - bottom[tap.low]) * tap.part;
      out[y * out_width + x] = above + (below - above) * rows[y].part;
    }
  }
}

void resize_area(const float* from, int64_t height, int64_t width, float* out,
                 int64_t out_height, int64_t out_width) {
  const double down =
      static_cast<double>(height) / static_cast<double>(out_height);
  const double across =
      static_cast<double>(width) / static_cast<double>(out_width);
  for (int64_t y = 0; y < out_height; ++y) {
    const double top = static_cast<double>(y) * down;
    const double bottom = std::min(static_cast<double>(height), top + down);
    for (int64_t x = 0; x < out_width; ++x) {
      const double left = static_cast<double>(x) * across;
      const double right = std::min(static_cast<double>(width), left + across);
      double sum = 0;
      double area = 0;
      for (auto i = static_cast<int64_t>(top);
           i < height && static_cast<double>(i) < bottom; ++i) {
        const double tall = std::min(bottom, static_cast<double>(i + 1)) -
                            std::max(top, static_cast<double>(i));
        for (auto j = static_cast<int64_t>(left);
             j < width && static_cast<double>(j) < right; ++j) {
          const double wide = std::min(right, static_cast<double>(j + 1)) -
                              std::max(left, static_cast<double>(j));
          sum += tall * wide * from[i * width + j];
          area += tall * wide;
        }
      }
      out[y * out_width + x] = static_cast<float>(sum / area);
    }
  }
}

}  // namespace digitnet::data
