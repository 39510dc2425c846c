#include "data/view.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"

namespace digitnet::data {
namespace {

// Calls f(first, last) for ranges of [0, total), in order.
template <class F>
void for_each_range(int64_t total, const F& f) {
  constexpr int64_t kRange = 1 << 20;  // between two looks for Ctrl-C
  for (int64_t first = 0; first < total; first += kRange) {
    poll_interrupt();
    f(first, std::min(first + kRange, total));
  }
}

// Calls f(pixel, index) for every pixel as stored.
template <class F>
void for_each_pixel(const ImagesView& images, F f) {
  for_each_range(
      images.count * images.shape.size(), [&](int64_t first, int64_t last) {
        if (images.type == PixelType::UInt8) {
          const auto* pixels = static_cast<const uint8_t*>(images.pixels);
          for (int64_t i = first; i < last; ++i) f(pixels[i], i);
        } else {
          const auto* pixels = static_cast<const float*>(images.pixels);
          for (int64_t i = first; i < last; ++i) f(pixels[i], i);
        }
      });
}

}  // namespace

void ImagesView::read(int64_t row, float* out) const {
  const int64_t size = shape.size();
  if (type == PixelType::UInt8) {
    const auto* from = static_cast<const uint8_t*>(pixels) + row * size;
    for (int64_t i = 0; i < size; ++i) out[i] = from[i];
  } else {
    std::copy_n(static_cast<const float*>(pixels) + row * size, size, out);
  }
}

void check_labels(const std::string& where, const int64_t* labels,
                  int64_t count, int64_t classes) {
  for (int64_t i = 0; i < count; ++i) {
    require(labels[i] >= 0 && labels[i] < classes, where,
            ": expected classes 0 to ", classes - 1, ", got ", labels[i],
            " at position ", i);
  }
}

void check_rows(const std::string& where, const int64_t* rows, int64_t count,
                int64_t images) {
  for (int64_t i = 0; i < count; ++i) {
    require(rows[i] >= 0 && rows[i] < images, where, ": expected indices 0 to ",
            images - 1, ", got ", rows[i], " at position ", i);
  }
}

void check_weights(const std::string& where, const double* weights,
                   int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    require(std::isfinite(weights[i]) && weights[i] >= 0, where,
            ": expected finite weights of at least 0, got ", weights[i],
            " at position ", i);
    sum += weights[i];
  }
  require(sum > 0, where, ": expected at least one positive weight, got none");
}

void check_finite(const std::string& where, const ImagesView& images) {
  if (images.type == PixelType::UInt8) return;
  for_each_pixel(images, [&](float pixel, int64_t i) {
    require(std::isfinite(pixel), where, ": expected finite pixels, got ",
            pixel, " in image ", i / images.shape.size());
  });
}

void check_range(const std::string& where, const ImagesView& images,
                 double max_value) {
  if (images.type == PixelType::UInt8 && largest_pixel(images) <= max_value)
    return;
  for_each_pixel(images, [&](auto pixel, int64_t i) {
    require(pixel >= 0 && pixel <= max_value, where,
            ": expected pixels from 0 to ", max_value, ", got ",
            static_cast<double>(pixel), " in image ", i / images.shape.size(),
            pixel < 0 ? "; give pixels as they were before they were normalised: "
                        "the model's own preprocessing does that"
                      : "");
  });
}

double largest_pixel(const ImagesView& images) {
  if (images.type == PixelType::UInt8) {
    const auto* pixels = static_cast<const uint8_t*>(images.pixels);
    uint8_t largest = 0;
    for_each_range(images.count * images.shape.size(),
                   [&](int64_t first, int64_t last) {
                     for (int64_t i = first; i < last; ++i)
                       largest = std::max(largest, pixels[i]);
                   });
    return largest;
  }
  double largest = 0;
  for_each_pixel(images, [&](auto pixel, int64_t) {
    largest = std::max<double>(largest, pixel);
  });
  return largest;
}

}  // namespace digitnet::data
