#include "pictures/normalise.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/resize.h"
#include "pictures/filters.h"

namespace digitnet::pictures {
namespace {

// MNIST's strokes are so wide in the mean, of the digit's size (20 pixels), and
// few are narrower than the second.
constexpr double kMeanStroke = 0.145, kThinStroke = 0.105;
constexpr double kGrain = 0.02;  // of the digit's size
// Strength of ink that is half covered by a stroke's edge, and how fast it
// rises.
constexpr float kEdgeFrom = 0.2f, kEdgeTo = 0.6f;

// The digit's ink alone, 0 to 1, with a margin of so many pixels around its
// box.
Plane crop(const Ink& ink, const Digits& digits, const Digit& digit,
           int64_t margin) {
  const Box& box = digit.box;
  Plane result(box.height + 2 * margin, box.width + 2 * margin);
  const int64_t height = ink.strength.height, width = ink.strength.width;
  const auto is_own = [&](int64_t y, int64_t x) {
    const int32_t label = digits.labels[y * width + x];
    return label && std::find(digit.strokes.begin(), digit.strokes.end(),
                              label) != digit.strokes.end();
  };
  for (int64_t y = 0; y < result.height; ++y) {
    for (int64_t x = 0; x < result.width; ++x) {
      const int64_t v = box.top - margin + y, u = box.left - margin + x;
      if (v < 0 || v >= height || u < 0 || u >= width) continue;
      bool near = is_own(v, u);
      const bool other = digits.labels[v * width + u] != 0 && !near;
      // The soft edge of a stroke lies beside its pixels.
      for (int64_t d = 0; d < 4 && !near && !other; ++d) {
        const int64_t b = v + (d == 0) - (d == 1), a = u + (d == 2) - (d == 3);
        near = b >= 0 && b < height && a >= 0 && a < width && is_own(b, a);
      }
      if (near)
        result.at(y, x) = std::clamp(
            (ink.strength.at(v, u) - kEdgeFrom) / (kEdgeTo - kEdgeFrom), 0.0f,
            1.0f);
    }
  }
  return result;
}

// Of all ink: its area over half the length of its outline.
double stroke_width(const Plane& ink) {
  double area = 0, outline = 0;
  for (int64_t y = 0; y < ink.height; ++y) {
    for (int64_t x = 0; x < ink.width; ++x) {
      const float here = ink.at(y, x);
      const float right = x + 1 < ink.width ? ink.at(y, x + 1) : 0;
      const float below = y + 1 < ink.height ? ink.at(y + 1, x) : 0;
      area += here;
      outline += std::hypot(right - here, below - here);
    }
  }
  return outline > 0 ? 2 * area / outline : 0;
}

// Strokes wider by a number of pixels that need not be whole.
Plane thickened(const Plane& ink, double by) {
  const double radius = by / 2;
  const auto whole = static_cast<int64_t>(radius);
  const auto part = static_cast<float>(radius - static_cast<double>(whole));
  // Between two squares, by the part of a pixel.
  Plane result = local_max(ink, whole);
  const Plane more = local_max(ink, whole + 1);
  for (size_t i = 0; i < result.pixels.size(); ++i)
    result.pixels[i] += part * (more.pixels[i] - result.pixels[i]);
  return result;
}

// The digit's box, tight around ink of half strength.
Box box_of(const Plane& ink) {
  int64_t top = ink.height, left = ink.width, bottom = -1, right = -1;
  for (int64_t y = 0; y < ink.height; ++y) {
    for (int64_t x = 0; x < ink.width; ++x) {
      if (ink.at(y, x) < 0.5f) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y);
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  if (bottom < 0) return {0, 0, ink.height, ink.width};
  return {top, left, bottom - top + 1, right - left + 1};
}

Plane cropped(const Plane& ink, const Box& box) {
  Plane result(box.height, box.width);
  for (int64_t y = 0; y < box.height; ++y)
    for (int64_t x = 0; x < box.width; ++x)
      result.at(y, x) = ink.at(box.top + y, box.left + x);
  return result;
}

// Fitted into `side` pixels, keeping its proportions.
Plane fitted(const Plane& ink, int64_t side) {
  const double scale = static_cast<double>(side) /
                       static_cast<double>(std::max(ink.height, ink.width));
  const auto length = [&](int64_t pixels) {
    return std::max<int64_t>(1,
                             std::llround(static_cast<double>(pixels) * scale));
  };
  Plane result(length(ink.height), length(ink.width));
  const bool shrinks = ink.height >= result.height && ink.width >= result.width;
  (shrinks ? data::resize_area : data::resize_bilinear)(
      ink.pixels.data(), ink.height, ink.width, result.pixels.data(),
      result.height, result.width);
  return result;
}

// The digit's own ink, with strokes as wide as MNIST's at least.
Plane strokes_of(const Ink& ink, const Digits& digits, const Digit& digit) {
  const auto size =
      static_cast<double>(std::max(digit.box.height, digit.box.width));
  const auto margin = static_cast<int64_t>(std::ceil(kMeanStroke * size)) + 2;
  // A pencil's grain is filled first: its holes would count as outlines.
  const auto grain = static_cast<int64_t>(std::ceil(kGrain * size));
  Plane plane = closing(crop(ink, digits, digit, margin), grain);
  const double width = stroke_width(plane) / size;
  if (width < kThinStroke)
    plane = thickened(plane, (kMeanStroke - width) * size);
  return cropped(plane, box_of(plane));
}

}  // namespace

std::vector<uint8_t> as_mnist(const Ink& ink, const Digits& digits,
                              const Digit& digit, int64_t size) {
  require(size >= 12, "scan.size: expected at least 12 pixels, got ", size);
  const Plane small = fitted(strokes_of(ink, digits, digit), size - 8);
  double mass = 1e-9, row_sum = 0, column_sum = 0;
  for (int64_t y = 0; y < small.height; ++y) {
    for (int64_t x = 0; x < small.width; ++x) {
      const double value = small.at(y, x);
      mass += value;
      row_sum += value * (static_cast<double>(y) + 0.5);
      column_sum += value * (static_cast<double>(x) + 0.5);
    }
  }
  // The centre of mass goes to the middle, as far as the digit stays inside.
  const double middle = static_cast<double>(size) / 2;
  const int64_t top = std::clamp<int64_t>(std::llround(middle - row_sum / mass),
                                          0, size - small.height);
  const int64_t left = std::clamp<int64_t>(
      std::llround(middle - column_sum / mass), 0, size - small.width);
  std::vector<uint8_t> out(size * size, 0);
  for (int64_t y = 0; y < small.height; ++y)
    for (int64_t x = 0; x < small.width; ++x)
      out[(top + y) * size + left + x] = static_cast<uint8_t>(
          std::lround(255 * std::clamp(small.at(y, x), 0.0f, 1.0f)));
  return out;
}

std::vector<uint8_t> as_optdigits(const Ink& ink, const Digits& digits,
                                  const Digit& digit) {
  constexpr int64_t kBitmap = 32, kBlock = 4, kCells = kBitmap / kBlock;
  // UCI's bitmaps fill the height; a narrow digit such as 1 is centred, not
  // stretched.
  const Plane bitmap = fitted(strokes_of(ink, digits, digit), kBitmap);
  const int64_t top = (kBitmap - bitmap.height) / 2,
                left = (kBitmap - bitmap.width) / 2;
  std::vector<uint8_t> out(kCells * kCells, 0);
  for (int64_t y = 0; y < bitmap.height; ++y)
    for (int64_t x = 0; x < bitmap.width; ++x)
      out[(top + y) / kBlock * kCells + (left + x) / kBlock] +=
          bitmap.at(y, x) >= 0.5f;
  return out;
}

}  // namespace digitnet::pictures
