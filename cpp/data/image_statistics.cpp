#include "data/image_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <utility>

namespace digitnet::data {
namespace {

constexpr int64_t kMostLearned = 10000, kMostCompared = 256;
// Scans and photographs of paper have borders of .7 and more.
constexpr double kNearer = .25;
// A part that is inverted, such as a stripe, does not reach every side.
constexpr double kNearerSide = .05;
// Fashion-MNIST and the digits of UCI have 1 to 3 images in a thousand that are
// darker inside; photographs a third.
constexpr double kNearlyAll = .95;
constexpr double kTail = .001;

// Calls f(pixels, n) for at most `most` of the samples, n = 0, 1, ...
template <class F>
void for_some(const DatasetView& samples, int64_t most, const F& f) {
  const int64_t count = std::min(samples.count, most);
  const int64_t size = samples.images.shape.size();
  for (int64_t n = 0; n < count; ++n) {
    const int64_t at = samples.row(n * samples.count / count) * size;
    if (samples.images.type == PixelType::UInt8) {
      f(static_cast<const uint8_t*>(samples.images.pixels) + at, n);
    } else {
      f(static_cast<const float*>(samples.images.pixels) + at, n);
    }
  }
}

bool has_inside(const Shape& shape) {
  return shape.height >= 3 && shape.width >= 3;
}

// Sums of the outermost pixels of one channel: all of them, and by side (top,
// bottom, left, right), corners in both sides.
struct Border {
  double sum = 0;
  std::array<double, 4> sides{};
};

template <class Pixel>
Border border_of(const Pixel* pixels, const Shape& shape) {
  const int64_t height = shape.height, width = shape.width;
  const auto* last = pixels + (height - 1) * width;
  Border border;
  auto& [top, bottom, left, right] = border.sides;
  top = std::accumulate(pixels, pixels + width, 0.);
  bottom = std::accumulate(last, last + width, 0.);
  for (const auto* row = pixels; row <= last; row += width) {
    left += row[0];
    right += row[width - 1];
  }
  const double corners = static_cast<double>(pixels[0]) + pixels[width - 1] +
                         last[0] + last[width - 1];
  border.sum = top + bottom + left + right - corners;
  return border;
}

// How many pixels a border has.
double border_size(const Shape& shape) {
  return 2. * (shape.height + shape.width) - 4;
}

// The mean of one channel's inside, given the sum of its border.
template <class Pixel>
double inside_mean(const Pixel* pixels, const Shape& shape, double border) {
  const int64_t size = shape.height * shape.width;
  return (std::accumulate(pixels, pixels + size, 0.) - border) /
         (size - border_size(shape));
}

// Adds up images in few bits, of which many are added at a time, and now and
// then takes the sums over into `total`.
template <class Pixel>
class SumOfImages {
 public:
  explicit SumOfImages(int64_t size) : sums_(size) {}

  void add(const Pixel* pixels, std::vector<double>& total) {
    Sum* sums = sums_.data();
    const auto size = static_cast<int64_t>(sums_.size());
    for (int64_t i = 0; i < size; ++i) sums[i] += pixels[i];
    if (++added_ == kMostAdded) flush(total);
  }

  void flush(std::vector<double>& total) {
    for (size_t i = 0; i < sums_.size(); ++i) total[i] += sums_[i];
    std::fill(sums_.begin(), sums_.end(), Sum{0});
    added_ = 0;
  }

 private:
  using Sum =
      std::conditional_t<std::is_same_v<Pixel, uint8_t>, uint16_t, float>;
  static constexpr int64_t kMostAdded = 256;  // 256 * 255 < 2^16
  std::vector<Sum> sums_;
  int64_t added_ = 0;
};

double distance(double value, double low, double high) {
  return std::max({0., low - value, value - high});
}

// The value that so large a part of the values is at most.
double quantile(std::vector<double>& values, double part) {
  const auto place =
      static_cast<int64_t>(std::llround(part * (values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[place];
}

}  // namespace

BorderStatistics border_statistics(const DatasetView& samples,
                                   double max_value) {
  const Shape& shape = samples.images.shape;
  BorderStatistics result;
  if (!has_inside(shape) || samples.count == 0) return result;
  std::vector<std::vector<double>> borders(shape.channels);
  int64_t brighter = 0, count = 0;
  for_some(samples, kMostLearned, [&](const auto* pixels, int64_t) {
    double difference = 0;
    for (int64_t c = 0; c < shape.channels; ++c) {
      const auto* channel = pixels + c * shape.height * shape.width;
      const double sum = border_of(channel, shape).sum;
      const double border = sum / border_size(shape);
      borders[c].push_back(border / max_value);
      difference += inside_mean(channel, shape, sum) - border;
    }
    brighter += difference > 0;
    ++count;
  });
  for (auto& values : borders) {
    result.low.push_back(quantile(values, kTail));
    result.high.push_back(quantile(values, 1 - kTail));
  }
  result.brighter_inside = static_cast<double>(brighter) / count;
  return result;
}

InvertedCount count_inverted(const DatasetView& samples, double max_value,
                             const BorderStatistics& known) {
  const Shape& shape = samples.images.shape;
  const double bright = known.brighter_inside;
  const bool agreed = bright >= kNearlyAll || bright <= 1 - kNearlyAll;
  InvertedCount result;
  if (!agreed || !has_inside(shape) ||
      static_cast<int64_t>(known.low.size()) != shape.channels)
    return result;
  double borders = 0;
  for_some(samples, kMostCompared, [&](const auto* pixels, int64_t) {
    ++result.sampled;
    double difference = 0, sum = 0;
    for (int64_t c = 0; c < shape.channels; ++c) {
      const auto* channel = pixels + c * shape.height * shape.width;
      const auto [outer, sides] = border_of(channel, shape);
      const double border = outer / (border_size(shape) * max_value);
      // By how much the range is nearer to a mean once it is inverted.
      const auto nearer = [&](double mean) {
        return distance(mean, known.low[c], known.high[c]) -
               distance(1 - mean, known.low[c], known.high[c]);
      };
      if (nearer(border) < kNearer) return;
      for (size_t i = 0; i < sides.size(); ++i) {
        const auto length = i < 2 ? shape.width : shape.height;
        if (nearer(sides[i] / (length * max_value)) < kNearerSide) return;
      }
      difference += inside_mean(channel, shape, outer) / max_value - border;
      sum += border;
    }
    if (bright > .5 ? difference >= 0 : difference <= 0) return;
    ++result.inverted;
    borders += sum / shape.channels;
  });
  if (result.inverted > 0) result.border = borders / result.inverted;
  return result;
}

std::vector<double> mean_grid(const DatasetView& samples, double max_value,
                              int64_t most) {
  const Shape& shape = samples.images.shape;
  const int64_t side = shape.height, size = side * side;
  if (side != shape.width || side < kGrid || samples.count == 0) return {};
  std::vector<double> mean(size);
  SumOfImages<uint8_t> bytes(size);
  SumOfImages<float> floats(size);
  for_some(samples, most, [&](const auto* pixels, int64_t) {
    for (int64_t c = 0; c < shape.channels; ++c, pixels += size) {
      if constexpr (std::is_same_v<decltype(pixels), const uint8_t*>) {
        bytes.add(pixels, mean);
      } else {
        floats.add(pixels, mean);
      }
    }
  });
  bytes.flush(mean);
  floats.flush(mean);
  const auto images = std::min(samples.count, most);
  std::vector<double> grid(kGrid * kGrid);
  const auto first = [&](int64_t block) { return block * side / kGrid; };
  for (int64_t y = 0; y < kGrid; ++y) {
    for (int64_t x = 0; x < kGrid; ++x) {
      double sum = 0;
      for (int64_t i = first(y); i < first(y + 1); ++i)
        for (int64_t j = first(x); j < first(x + 1); ++j)
          sum += mean[i * side + j];
      const auto area = (first(y + 1) - first(y)) * (first(x + 1) - first(x));
      grid[y * kGrid + x] = sum / (max_value * area * images * shape.channels);
    }
  }
  return grid;
}

}  // namespace digitnet::data
