#include "metrics/image_quality.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/interrupt.h"

namespace digitnet::metrics {
namespace {

constexpr int64_t kWindow = 11;

std::array<double, kWindow> window() {
  constexpr double kDeviation = 1.5;
  std::array<double, kWindow> weights{};
  double sum = 0;
  for (int64_t i = 0; i < kWindow; ++i) {
    const double away = static_cast<double>(i - kWindow / 2) / kDeviation;
    sum += weights[i] = std::exp(-away * away / 2);
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// Weighted means of a plane over all windows within it.
std::vector<double> means(const std::vector<double>& plane, int64_t height,
                          int64_t width) {
  static const auto weights = window();
  const int64_t rows = height - kWindow + 1, columns = width - kWindow + 1;
  std::vector<double> across(height * columns, 0.0),
      result(rows * columns, 0.0);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t i = 0; i < kWindow; ++i)
        across[y * columns + x] += weights[i] * plane[y * width + x + i];
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t i = 0; i < kWindow; ++i)
      for (int64_t x = 0; x < columns; ++x)
        result[y * columns + x] += weights[i] * across[(y + i) * columns + x];
  return result;
}

double plane_ssim(const float* image, const float* target, int64_t height,
                  int64_t width, double full) {
  const int64_t size = height * width;
  std::vector<double> a(image, image + size), b(target, target + size);
  std::vector<double> aa(size), bb(size), ab(size);
  for (int64_t p = 0; p < size; ++p) {
    aa[p] = a[p] * a[p];
    bb[p] = b[p] * b[p];
    ab[p] = a[p] * b[p];
  }
  const auto at = [&](const std::vector<double>& plane) {
    return means(plane, height, width);
  };
  const auto mean_a = at(a), mean_b = at(b);
  const auto mean_aa = at(aa), mean_bb = at(bb), mean_ab = at(ab);
  const double c1 = 0.0001 * full * full, c2 = 0.0009 * full * full;
  double sum = 0;
  for (size_t i = 0; i < mean_a.size(); ++i) {
    const double product = mean_a[i] * mean_b[i];
    const double squares = mean_a[i] * mean_a[i] + mean_b[i] * mean_b[i];
    const double both = mean_ab[i] - product;
    const double variances = mean_aa[i] + mean_bb[i] - squares;
    sum += (2 * product + c1) * (2 * both + c2) /
           ((squares + c1) * (variances + c2));
  }
  return sum / static_cast<double>(mean_a.size());
}

}  // namespace

std::vector<double> psnr(const ImagePairs& pairs) {
  const int64_t size = pairs.shape.size();
  std::vector<double> result;
  for (int64_t n = 0; n < pairs.count; ++n) {
    poll_interrupt();
    double sum = 0;
    for (int64_t p = n * size; p < (n + 1) * size; ++p) {
      const double error =
          static_cast<double>(pairs.images[p]) - pairs.targets[p];
      sum += error * error;
    }
    const double mean = sum / static_cast<double>(size);
    result.push_back(sum == 0
                         ? std::numeric_limits<double>::infinity()
                         : 10 * std::log10(pairs.full * pairs.full / mean));
  }
  return result;
}

std::vector<double> ssim(const ImagePairs& pairs) {
  const auto& [channels, height, width, flat] = pairs.shape;
  require(height >= kWindow && width >= kWindow,
          "ssim.images: expected at least ", kWindow, " pixels a side, got ",
          to_string(pairs.shape));
  const int64_t plane = height * width;
  std::vector<double> result;
  for (int64_t n = 0; n < pairs.count; ++n) {
    poll_interrupt();
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t first = (n * channels + c) * plane;
      sum += plane_ssim(pairs.images + first, pairs.targets + first, height,
                        width, pairs.full);
    }
    result.push_back(sum / static_cast<double>(channels));
  }
  return result;
}

}  // namespace digitnet::metrics
