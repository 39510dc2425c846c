// A data set as the core sees it: borrowed memory, nothing copied, as
// std::span. The caller keeps the memory alive while the view is used.
#pragma once

#include <cstdint>

#include "core/shape.h"

namespace digitnet::data {

enum class PixelType { UInt8, Float32 };

// `count` images in row-major N x C x H x W order.
struct ImagesView {
  const void* pixels = nullptr;
  PixelType type = PixelType::UInt8;
  int64_t count = 0;
  Shape shape;

  // Writes image `row` to out[C*H*W] as floats, values unchanged.
  void read(int64_t row, float* out) const;
};

// Images with labels, of which only the samples in `rows` belong to the set:
// sample i is image rows[i] with labels[i]. A null `rows` means sample i is
// image i.
struct DatasetView {
  ImagesView images;
  const int64_t* rows = nullptr;
  const int64_t* labels = nullptr;  // [count]
  const double* weights = nullptr;  // [count], non-negative, or null: all 1
  // [count], 0: source domain, labelled; 1: target domain, whose labels are
  // ignored. Null: all 0.
  const int64_t* domains = nullptr;
  int64_t count = 0;

  int64_t row(int64_t sample) const { return rows ? rows[sample] : sample; }
};

// Checks what a caller brings. Throws std::invalid_argument naming `where`.
void check_labels(const std::string& where, const int64_t* labels,
                  int64_t count, int64_t classes);
void check_rows(const std::string& where, const int64_t* rows, int64_t count,
                int64_t images);
// Finite, at least 0, and not all 0.
void check_weights(const std::string& where, const double* weights,
                   int64_t count);
void check_finite(const std::string& where, const ImagesView& images);
// Every pixel lies in [0, max_value].
void check_range(const std::string& where, const ImagesView& images,
                 double max_value);
double largest_pixel(const ImagesView& images);

// Numbers that change when a pixel or the order of the set's samples does, and
// when a label does: to notice that data changed, not to withstand somebody who
// hides it.
struct Fingerprint {
  uint64_t images = 0, labels = 0;  // 0: unlabelled
  bool operator==(const Fingerprint&) const = default;
};
Fingerprint fingerprint(const DatasetView& samples);

}  // namespace digitnet::data
