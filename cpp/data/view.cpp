#include "data/view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

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

// Bytes as one number: four lanes, which a processor computes side by side, of
// words that are multiplied in one after another.
uint64_t mixed(const void* values, int64_t count) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 over the golden ratio
  constexpr int64_t kWord = sizeof(uint64_t);
  const auto* bytes = static_cast<const uint8_t*>(values);
  std::array<uint64_t, 4> lanes{1, 2, 3, 4};
  const auto mix = [](uint64_t& lane, uint64_t word) {
    lane = (lane ^ word) * kOdd;
    lane ^= lane >> 29;
  };
  int64_t at = 0;
  for (; at + 4 * kWord <= count; at += 4 * kWord) {
    std::array<uint64_t, 4> words;
    std::memcpy(words.data(), bytes + at, sizeof(words));
    for (size_t lane = 0; lane < 4; ++lane) mix(lanes[lane], words[lane]);
  }
  for (; at < count; at += kWord) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + at, std::min(kWord, count - at));
    mix(lanes[0], word);
  }
  uint64_t all = static_cast<uint64_t>(count);
  for (const uint64_t lane : lanes) mix(all, lane);
  return all;
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
            pixel < 0
                ? "; give pixels as they were before they were normalised: "
                  "the model's own preprocessing does that"
                : "");
  });
}

Fingerprint fingerprint(const DatasetView& samples) {
  const int64_t bytes =
      samples.images.shape.size() *
      (samples.images.type == PixelType::UInt8 ? 1 : sizeof(float));
  const auto* pixels = static_cast<const uint8_t*>(samples.images.pixels);
  std::vector<uint64_t> each(samples.count);
  for_each_range(samples.count, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      each[i] = mixed(pixels + samples.row(i) * bytes, bytes);
  });
  constexpr int64_t kWord = sizeof(uint64_t);
  Fingerprint result{mixed(each.data(), samples.count * kWord)};
  if (samples.labels != nullptr)
    result.labels = mixed(samples.labels, samples.count * kWord);
  return result;
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
