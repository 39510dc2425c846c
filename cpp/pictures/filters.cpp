#include "pictures/filters.h"

#include <algorithm>
#include <cmath>

namespace digitnet::pictures {
namespace {

// A row or column at a time, so that the window's block maxima from the left
// and from the right are at hand.
template <class Best>
void filter_line(const float* from, float* to, int64_t count, int64_t stride,
                 int64_t radius, std::vector<float>& work, const Best& best) {
  const int64_t window = 2 * radius + 1;
  const int64_t padded = (count + 2 * radius + window - 1) / window * window;
  work.resize(3 * padded);
  float *line = work.data(), *ahead = line + padded, *behind = ahead + padded;
  for (int64_t i = 0; i < padded; ++i)
    line[i] = from[std::clamp<int64_t>(i - radius, 0, count - 1) * stride];
  for (int64_t i = 0; i < padded; ++i)
    ahead[i] = i % window == 0 ? line[i] : best(ahead[i - 1], line[i]);
  for (int64_t i = padded - 1; i >= 0; --i)
    behind[i] =
        i % window == window - 1 ? line[i] : best(behind[i + 1], line[i]);
  for (int64_t i = 0; i < count; ++i)
    to[i * stride] = best(behind[i], ahead[i + window - 1]);
}

template <class Best>
Plane filtered(const Plane& picture, int64_t radius, const Best& best) {
  Plane result = picture;
  if (radius <= 0 || picture.size() == 0) return result;
  std::vector<float> work;
  for (int64_t y = 0; y < picture.height; ++y) {
    float* row = result.pixels.data() + y * picture.width;
    filter_line(picture.pixels.data() + y * picture.width, row, picture.width,
                1, radius, work, best);
  }
  for (int64_t x = 0; x < picture.width; ++x) {
    float* column = result.pixels.data() + x;
    filter_line(column, column, picture.height, picture.width, radius, work,
                best);
  }
  return result;
}

}  // namespace

Plane local_max(const Plane& picture, int64_t radius) {
  return filtered(picture, radius,
                  [](float a, float b) { return a > b ? a : b; });
}

Plane local_min(const Plane& picture, int64_t radius) {
  return filtered(picture, radius,
                  [](float a, float b) { return a < b ? a : b; });
}

Plane closing(const Plane& picture, int64_t radius) {
  return local_min(local_max(picture, radius), radius);
}

Plane smoothed(const Plane& picture, int64_t times) {
  Plane result = picture;
  const int64_t height = picture.height, width = picture.width;
  std::vector<float> line(std::max(height, width));
  const auto smooth = [&](float* values, int64_t count, int64_t stride) {
    for (int64_t i = 0; i < count; ++i) line[i] = values[i * stride];
    for (int64_t i = 0; i < count; ++i) {
      const float before = line[std::max<int64_t>(i - 1, 0)];
      const float after = line[std::min(i + 1, count - 1)];
      values[i * stride] = 0.25f * (before + after) + 0.5f * line[i];
    }
  };
  for (int64_t i = 0; i < times; ++i) {
    for (int64_t y = 0; y < height; ++y)
      smooth(result.pixels.data() + y * width, width, 1);
    for (int64_t x = 0; x < width; ++x)
      smooth(result.pixels.data() + x, height, width);
  }
  return result;
}

double noise_of(const Plane& picture) {
  // Half of the second differences are structure at most: their median is not.
  std::vector<float> differences;
  differences.reserve(picture.size());
  for (int64_t y = 0; y < picture.height; ++y)
    for (int64_t x = 1; x + 1 < picture.width; ++x)
      differences.push_back(std::abs(
          picture.at(y, x - 1) - 2 * picture.at(y, x) + picture.at(y, x + 1)));
  if (differences.empty()) return 0;
  constexpr double kMadToSigma = 1.4826, kOfSecondDifference = 2.449;  // sqrt 6
  return quantile(std::move(differences), 0.5) * kMadToSigma /
         kOfSecondDifference;
}

float quantile(std::vector<float> values, double fraction) {
  if (values.empty()) return 0;
  const auto place = std::min<size_t>(
      values.size() - 1,
      static_cast<size_t>(fraction * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace digitnet::pictures
