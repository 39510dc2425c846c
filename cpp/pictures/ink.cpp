#include "pictures/ink.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/resize.h"
#include "pictures/filters.h"

namespace digitnet::pictures {
namespace {

constexpr int64_t kMostPixels = 1'000'000;  // that are worked on
constexpr int64_t kSmallSide = 120;  // smaller pictures are enlarged to it
constexpr double kMostGrowth = 8;
// Radii of the closing, in parts of the side: strokes are twice as wide at
// most.
constexpr int64_t kParts[] = {8, 3};
constexpr int64_t kPolarityParts[] = {12, 8, 3};
constexpr int64_t kCells = 32;    // of the side, to find the paper at large
constexpr double kPaper = 0.998;  // of the pixels, at most: the rest is ink
constexpr double kQuiet = 4;      // noise that strokes drown
constexpr double kStrong = 0.45, kWeak = 0.25, kFaint = 0.1;  // of contrast

Plane at_working_size(const float* grey, int64_t height, int64_t width,
                      double& scale) {
  const auto pixels = static_cast<double>(height) * static_cast<double>(width);
  const int64_t side = std::min(height, width);
  scale = 1;
  if (pixels > kMostPixels)
    scale = std::sqrt(pixels / static_cast<double>(kMostPixels));
  else if (side < kSmallSide)
    scale = std::max(static_cast<double>(side) / kSmallSide, 1 / kMostGrowth);
  const auto fitted = [&](int64_t length) {
    return std::max<int64_t>(1,
                             std::llround(static_cast<double>(length) / scale));
  };
  Plane plane(fitted(height), fitted(width));
  (scale > 1 ? data::resize_area : data::resize_bilinear)(
      grey, height, width, plane.pixels.data(), plane.height, plane.width);
  return plane;
}

// The paper's brightness around each pixel: the median of the medians of cells
// within half a side, which ink is not the most of.
Plane paper_at_large(const Plane& picture) {
  const int64_t cell =
      std::max<int64_t>(1, std::min(picture.height, picture.width) / kCells);
  Plane cells((picture.height + cell - 1) / cell,
              (picture.width + cell - 1) / cell);
  for (int64_t y = 0; y < cells.height; ++y) {
    for (int64_t x = 0; x < cells.width; ++x) {
      std::vector<float> inside;
      for (int64_t v = y * cell; v < std::min((y + 1) * cell, picture.height);
           ++v)
        for (int64_t u = x * cell; u < std::min((x + 1) * cell, picture.width);
             ++u)
          inside.push_back(picture.at(v, u));
      cells.at(y, x) = quantile(std::move(inside), 0.5);
    }
  }
  constexpr int64_t kRadius = kCells / 4;
  Plane medians(cells.height, cells.width);
  for (int64_t y = 0; y < cells.height; ++y) {
    poll_interrupt();
    for (int64_t x = 0; x < cells.width; ++x) {
      std::vector<float> around;
      for (int64_t v = std::max<int64_t>(y - kRadius, 0);
           v < std::min(y + kRadius + 1, cells.height); ++v)
        for (int64_t u = std::max<int64_t>(x - kRadius, 0);
             u < std::min(x + kRadius + 1, cells.width); ++u)
          around.push_back(cells.at(v, u));
      medians.at(y, x) = quantile(std::move(around), 0.5);
    }
  }
  Plane paper(picture.height, picture.width);
  data::resize_bilinear(medians.pixels.data(), medians.height, medians.width,
                        paper.pixels.data(), paper.height, paper.width);
  return paper;
}

Plane inverted(Plane picture) {
  for (float& pixel : picture.pixels) pixel = 255 - pixel;
  return picture;
}

// By how much the picture is darker than structures of a stroke's width allow
// paper to be; what most pixels have of it is noise.
Plane darkness(const Plane& picture, int64_t radius) {
  Plane result = closing(picture, radius);
  for (size_t i = 0; i < result.pixels.size(); ++i)
    result.pixels[i] -= picture.pixels[i];
  const float common = quantile(result.pixels, 0.5);
  for (float& value : result.pixels) value = std::max(0.0f, value - common);
  return result;
}

// How much stands out from the paper at large where it is a stroke, too, and
// does not hang together with the picture's border, as corners between the
// edges of shadows and tables do.
double standing_out(const Plane& picture, const Plane& darkness,
                    const Plane& paper) {
  const float clearly = std::max(static_cast<float>(kMinContrast),
                                 quantile(darkness.pixels, kPaper) / 2);
  const int64_t height = picture.height, width = picture.width;
  Mask seen(height, width);
  std::vector<int64_t> open;
  const auto visit = [&](int64_t y, int64_t x) {
    if (seen.at(y, x) || darkness.at(y, x) < clearly) return;
    seen.at(y, x) = 1;
    open.push_back(y * width + x);
  };
  for (int64_t y = 0; y < height; ++y)
    for (const int64_t x : {int64_t{0}, width - 1}) visit(y, x);
  for (int64_t x = 0; x < width; ++x)
    for (const int64_t y : {int64_t{0}, height - 1}) visit(y, x);
  while (!open.empty()) {
    const int64_t y = open.back() / width, x = open.back() % width;
    open.pop_back();
    if (y > 0) visit(y - 1, x);
    if (y + 1 < height) visit(y + 1, x);
    if (x > 0) visit(y, x - 1);
    if (x + 1 < width) visit(y, x + 1);
  }
  double sum = 0;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const float below = paper.pixels[i] - picture.pixels[i];
    const float least = std::min(below, darkness.pixels[i]);
    if (least > kMinContrast && !seen.pixels[i]) sum += std::min(least, 100.0f);
  }
  return sum;
}

// Whether ink is darker than the paper. Narrow strokes are looked for first:
// what is bright between a shadow and an edge is broader.
bool is_dark_ink(const Plane& picture, const Plane& negative) {
  const Plane paper = paper_at_large(picture), beyond = inverted(paper);
  const int64_t side = std::min(picture.height, picture.width);
  const double least =
      kMinContrast * (1 - kPaper) / 4 * static_cast<double>(picture.size());
  bool is_dark = true;
  for (const int64_t parts : kPolarityParts) {
    const int64_t radius = std::max<int64_t>(2, side / parts);
    const double dark = standing_out(picture, darkness(picture, radius), paper),
                 light =
                     standing_out(negative, darkness(negative, radius), beyond);
    is_dark = dark >= light;
    if (std::max(dark, light) > least) break;
  }
  return is_dark;
}

// The middle of what is clearly ink: of the darkest pixels first, then of all
// that reach half of their darkness.
double contrast_of(const Plane& darkness) {
  const double darkest = quantile(darkness.pixels, kPaper);
  std::vector<float> ink;
  for (const float value : darkness.pixels)
    if (value > darkest / 2) ink.push_back(value);
  return quantile(std::move(ink), 0.5);
}

// Pixels above `weak` that hang together with some above `strong`.
Mask hysteresis(const Plane& strength, float weak, float strong) {
  Mask mask(strength.height, strength.width);
  std::vector<int64_t> open;
  for (int64_t i = 0; i < strength.size(); ++i) {
    if (strength.pixels[i] < strong || mask.pixels[i]) continue;
    mask.pixels[i] = 1;
    open.push_back(i);
    while (!open.empty()) {
      const int64_t at = open.back();
      open.pop_back();
      const int64_t y = at / mask.width, x = at % mask.width;
      for (int64_t v = std::max<int64_t>(y - 1, 0);
           v <= std::min(y + 1, mask.height - 1); ++v) {
        for (int64_t u = std::max<int64_t>(x - 1, 0);
             u <= std::min(x + 1, mask.width - 1); ++u) {
          if (mask.at(v, u) || strength.at(v, u) < weak) continue;
          mask.at(v, u) = 1;
          open.push_back(v * mask.width + u);
        }
      }
    }
  }
  return mask;
}

}  // namespace

Ink find_ink(const float* grey, int64_t height, int64_t width) {
  require_data(height >= 1 && width >= 1,
               "scan: expected at least one pixel, got ", height, "x", width);
  Ink ink;
  Plane picture = at_working_size(grey, height, width, ink.scale);
  ink.noise = noise_of(picture);
  const auto times = static_cast<int64_t>(std::clamp(ink.noise / 4, 0.0, 6.0));
  picture = smoothed(picture, times);
  poll_interrupt();

  const Plane negative = inverted(picture);
  ink.is_dark = is_dark_ink(picture, negative);
  poll_interrupt();
  const Plane& seen = ink.is_dark ? picture : negative;
  const int64_t side = std::min(picture.height, picture.width);
  const double left =
      ink.noise / std::sqrt(1.0 + 4.0 * static_cast<double>(times));
  const double least = std::max(kMinContrast, kQuiet * left);
  // Broad strokes only if there are no others: broad shadows look alike.
  for (const int64_t parts : kParts) {
    ink.strength = darkness(seen, std::max<int64_t>(2, side / parts));
    ink.contrast = contrast_of(ink.strength);
    if (ink.contrast >= least) break;
  }
  require_data(ink.contrast >= least,
               "scan: expected ink that differs from the paper by at least ",
               std::lround(least), " of 255, got ", std::lround(ink.contrast),
               "; is the picture blank?");
  for (float& value : ink.strength.pixels)
    value /= static_cast<float>(ink.contrast);
  ink.faint =
      static_cast<float>(std::max(kFaint, kQuiet * left / ink.contrast));
  const double floor = std::min(0.8, least / ink.contrast);
  ink.strokes =
      hysteresis(ink.strength, static_cast<float>(std::max(kWeak, 0.6 * floor)),
                 static_cast<float>(std::max(kStrong, floor)));
  return ink;
}

}  // namespace digitnet::pictures
