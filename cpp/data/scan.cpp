#include "data/scan.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/resize.h"

namespace digitnet::data {
namespace {

constexpr float kMinContrast = 32;  // of 255: below this a scan is called blank
constexpr float kInk = 0.5f;  // of the contrast: above this a pixel is ink

struct Box {
  int64_t top, left, height, width;
};

float border_median(const float* grey, int64_t height, int64_t width) {
  std::vector<float> border;
  for (int64_t x = 0; x < width; ++x) {
    border.push_back(grey[x]);
    border.push_back(grey[(height - 1) * width + x]);
  }
  for (int64_t y = 0; y < height; ++y) {
    border.push_back(grey[y * width]);
    border.push_back(grey[y * width + width - 1]);
  }
  std::nth_element(
      border.begin(),
      border.begin() + static_cast<std::ptrdiff_t>(border.size() / 2),
      border.end());
  return border[border.size() / 2];
}

// Ink as brightness from 0 (paper) to 1 (the strongest ink).
std::vector<float> ink_of(const float* grey, int64_t height, int64_t width) {
  require_data(height >= 1 && width >= 1,
               "scan: expected at least one pixel, got ", height, "x", width);
  const float paper = border_median(grey, height, width);
  const auto [low, high] = std::minmax_element(grey, grey + height * width);
  const bool dark_ink = paper - *low >= *high - paper;
  const float contrast = dark_ink ? paper - *low : *high - paper;
  require_data(contrast >= kMinContrast,
               "scan: expected ink that differs from the paper by at least ",
               kMinContrast, " of 255, got ", contrast,
               "; is the picture blank?");
  std::vector<float> ink(height * width);
  for (int64_t i = 0; i < height * width; ++i) {
    const float strength =
        (dark_ink ? paper - grey[i] : grey[i] - paper) / contrast;
    ink[i] = strength < 0.1f
                 ? 0
                 : std::min(strength, 1.0f);  // paper grain is not ink
  }
  return ink;
}

Box ink_box(const std::vector<float>& ink, int64_t height, int64_t width) {
  int64_t top = height, bottom = -1, left = width, right = -1;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      if (ink[y * width + x] < kInk) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y);
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  return {top, left, bottom - top + 1, right - left + 1};
}

std::vector<float> cropped(const std::vector<float>& ink, int64_t width,
                           const Box& box) {
  std::vector<float> result(box.height * box.width);
  for (int64_t y = 0; y < box.height; ++y) {
    std::copy_n(ink.begin() + (box.top + y) * width + box.left, box.width,
                result.begin() + y * box.width);
  }
  return result;
}

void fit_into(const std::vector<float>& from, int64_t height, int64_t width,
              std::vector<float>& to, int64_t to_height, int64_t to_width) {
  to.resize(to_height * to_width);
  const bool shrinks = height >= to_height && width >= to_width;
  (shrinks ? resize_area : resize_bilinear)(from.data(), height, width,
                                            to.data(), to_height, to_width);
}

}  // namespace

std::vector<uint8_t> scan_to_mnist(const float* grey, int64_t height,
                                   int64_t width, int64_t size) {
  require(size >= 12, "scan.size: expected at least 12 pixels, got ", size);
  const auto ink = ink_of(grey, height, width);
  const Box box = ink_box(ink, height, width);
  const int64_t inner = size - 8;
  const double scale = static_cast<double>(inner) /
                       static_cast<double>(std::max(box.height, box.width));
  const int64_t tall = std::max<int64_t>(
      1, std::llround(static_cast<double>(box.height) * scale));
  const int64_t wide = std::max<int64_t>(
      1, std::llround(static_cast<double>(box.width) * scale));
  std::vector<float> digit;
  fit_into(cropped(ink, width, box), box.height, box.width, digit, tall, wide);

  double mass = 0, row_sum = 0, column_sum = 0;
  for (int64_t y = 0; y < tall; ++y) {
    for (int64_t x = 0; x < wide; ++x) {
      mass += digit[y * wide + x];
      row_sum += digit[y * wide + x] * (static_cast<double>(y) + 0.5);
      column_sum += digit[y * wide + x] * (static_cast<double>(x) + 0.5);
    }
  }
  // The centre of mass goes to the middle, as far as the digit stays inside.
  const double middle = static_cast<double>(size) / 2;
  const int64_t top = std::clamp<int64_t>(std::llround(middle - row_sum / mass),
                                          0, size - tall);
  const int64_t left = std::clamp<int64_t>(
      std::llround(middle - column_sum / mass), 0, size - wide);
  std::vector<uint8_t> out(size * size, 0);
  for (int64_t y = 0; y < tall; ++y) {
    for (int64_t x = 0; x < wide; ++x) {
      out[(top + y) * size + left + x] =
          static_cast<uint8_t>(std::lround(255 * digit[y * wide + x]));
    }
  }
  return out;
}

std::vector<uint8_t> scan_to_optdigits(const float* grey, int64_t height,
                                       int64_t width) {
  constexpr int64_t kBitmap = 32, kBlock = 4, kCells = kBitmap / kBlock;
  const auto ink = ink_of(grey, height, width);
  const Box box = ink_box(ink, height, width);
  // UCI's bitmaps fill the height; a narrow digit such as 1 is centred, not
  // stretched.
  const double scale = static_cast<double>(kBitmap) /
                       static_cast<double>(std::max(box.height, box.width));
  const int64_t tall = std::max<int64_t>(
      1, std::llround(static_cast<double>(box.height) * scale));
  const int64_t wide = std::max<int64_t>(
      1, std::llround(static_cast<double>(box.width) * scale));
  std::vector<float> digit;
  fit_into(cropped(ink, width, box), box.height, box.width, digit, tall, wide);
  const int64_t top = (kBitmap - tall) / 2, left = (kBitmap - wide) / 2;
  std::vector<uint8_t> out(kCells * kCells, 0);
  for (int64_t y = 0; y < tall; ++y) {
    for (int64_t x = 0; x < wide; ++x) {
      out[(top + y) / kBlock * kCells + (left + x) / kBlock] +=
          digit[y * wide + x] >= kInk;
    }
  }
  return out;
}

}  // namespace digitnet::data
