#include "features/chain_code.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "features/blocks.h"

namespace digitnet::features {
namespace {

constexpr std::array<int64_t, kDirections> kRight = {1, 1, 0, -1, -1, -1, 0, 1};
constexpr std::array<int64_t, kDirections> kDown = {0, -1, -1, -1, 0, 1, 1, 1};

// The box of all ink, in rows [top, bottom) and columns [left, right).
struct Box {
  int64_t top = 0, bottom = 0, left = 0, right = 0;

  int64_t height() const { return bottom - top; }
  int64_t width() const { return right - left; }
};

// The ink of one image, with a border of paper: row -1, column -1 and their
// opposites may be read.
class Bitmap {
 public:
  explicit Bitmap(const Shape& shape)
      : height_(shape.height),
        width_(shape.width),
        grey_(shape.size()),
        ink_((height_ + 2) * (width_ + 2)) {}

  void read(const data::ImagesView& images, int64_t row, double threshold) {
    images.read(row, grey_.data());
    box_ = {height_, height_, width_, width_};
    int64_t right = 0;
    for (int64_t y = 0; y < height_; ++y) {
      for (int64_t x = 0; x < width_; ++x) {
        const bool ink = grey_[y * width_ + x] > threshold;
        ink_[place(y, x)] = ink ? 1 : 0;
        if (!ink) continue;
        box_.top = std::min(box_.top, y);
        box_.bottom = y + 1;
        box_.left = std::min(box_.left, x);
        right = std::max(right, x + 1);
      }
    }
    if (right > 0) box_.right = right;
  }

  bool ink(int64_t y, int64_t x) const { return ink_[place(y, x)] != 0; }
  const Box& box() const { return box_; }
  int64_t row_step() const { return width_ + 2; }
  int64_t place(int64_t y, int64_t x) const {
    return (y + 1) * row_step() + x + 1;
  }
  int64_t places() const { return static_cast<int64_t>(ink_.size()); }
  bool ink_at(int64_t place) const { return ink_[place] != 0; }

 private:
  int64_t height_, width_;
  std::vector<float> grey_;
  std::vector<uint8_t> ink_;
  Box box_;
};

// Follows contours. Memory of one thread.
class Contours {
 public:
  explicit Contours(const Bitmap& bitmap)
      : bitmap_(bitmap), seen_(bitmap.places()) {
    for (int64_t d = 0; d < kDirections; ++d)
      steps_[d] = kDown[d] * bitmap.row_step() + kRight[d];
  }

  // step(y, x, direction) for every step of every component's outer contour.
  template <class F>
  void follow(const F& step) {
    std::fill(seen_.begin(), seen_.end(), uint8_t{0});
    const Box& box = bitmap_.box();
    for (int64_t y = box.top; y < box.bottom; ++y) {
      for (int64_t x = box.left; x < box.right; ++x) {
        if (!bitmap_.ink(y, x) || seen_[bitmap_.place(y, x)]) continue;
        mark_component(bitmap_.place(y, x));
        follow_from(y, x, step);
      }
    }
  }

 private:
  void mark_component(int64_t first) {
    seen_[first] = 1;
    waiting_.assign(1, first);
    while (!waiting_.empty()) {
      const int64_t place = waiting_.back();
      waiting_.pop_back();
      for (const int64_t step : steps_) {
        if (!bitmap_.ink_at(place + step) || seen_[place + step]) continue;
        seen_[place + step] = 1;
        waiting_.push_back(place + step);
      }
    }
  }

  // The direction of the next contour pixel, the first in turning over north
  // from behind the last step; -1 without neighbours.
  int64_t next(int64_t place, int64_t last) const {
    const int64_t first = last + (last % 2 == 0 ? 7 : 6);
    for (int64_t turn = 0; turn < kDirections; ++turn) {
      const int64_t d = (first + turn) % kDirections;
      if (bitmap_.ink_at(place + steps_[d])) return d;
    }
    return -1;
  }

  // Ends where the first step would be made again. Source: Sonka, Hlavac,
  // Boyle, "Image processing, analysis and machine vision", border tracing.
  template <class F>
  void follow_from(int64_t y, int64_t x, const F& step) {
    const int64_t start_y = y, start_x = x;
    const int64_t first = next(bitmap_.place(y, x), 7);
    for (int64_t d = first; d >= 0;) {
      step(y, x, d);
      y += kDown[d];
      x += kRight[d];
      d = next(bitmap_.place(y, x), d);
      if (y == start_y && x == start_x && d == first) break;
    }
  }

  const Bitmap& bitmap_;
  std::vector<uint8_t> seen_;
  std::vector<int64_t> waiting_;
  std::array<int64_t, kDirections> steps_{};
};

// fill(bitmap, out) for every image, in parallel: [N, size].
template <class F>
std::vector<float> of_each(const data::ImagesView& images, double threshold,
                           int64_t size, const F& fill) {
  std::vector<float> result(images.count * size);
  constexpr int64_t kBlock = 64;  // images of one task
  for_each_block(images.count, kBlock, {}, [&](int64_t first, int64_t end) {
    Bitmap bitmap(images.shape);
    for (int64_t i = first; i < end; ++i) {
      bitmap.read(images, i, threshold);
      fill(bitmap, result.data() + i * size);
    }
  });
  return result;
}

// Whether pixel (y, x) differs from the one `down` rows and `right` columns
// before it: 1 or 0.
int64_t differs(const Bitmap& bitmap, int64_t y, int64_t x, int64_t down,
                int64_t right) {
  return bitmap.ink(y, x) != bitmap.ink(y - down, x - right) ? 1 : 0;
}

// means[bands] of the lines of each band.
void average_bands(const std::vector<int64_t>& changes, int64_t bands,
                   float* means) {
  const auto lines = static_cast<int64_t>(changes.size());
  std::vector<int64_t> sums(bands), counts(bands);
  for (int64_t line = 0; line < lines; ++line) {
    sums[line * bands / lines] += changes[line];
    ++counts[line * bands / lines];
  }
  for (int64_t band = 0; band < bands; ++band) {
    means[band] = counts[band] == 0 ? 0
                                    : static_cast<float>(sums[band]) /
                                          static_cast<float>(counts[band]);
  }
}

void check(const std::string& where, const data::ImagesView& images,
           const std::string& what, int64_t parts) {
  require(images.shape.channels == 1, where,
          ".images: expected grey images of one channel, got ",
          images.shape.channels, "; convert them first");
  require(parts >= 1 && parts <= 64, where, ".", what,
          ": expected 1 to 64, got ", parts);
  data::check_finite(where + ".images", images);
}

}  // namespace

std::vector<float> chain_code_histogram(const data::ImagesView& images,
                                        double threshold, int64_t zones) {
  check("chain_code_histogram", images, "zones", zones);
  const int64_t size = zones * zones * kDirections;
  return of_each(
      images, threshold, size, [&](const Bitmap& bitmap, float* out) {
        const Box& box = bitmap.box();
        float total = 0;
        Contours(bitmap).follow([&](int64_t y, int64_t x, int64_t direction) {
          const int64_t row = (y - box.top) * zones / box.height();
          const int64_t column = (x - box.left) * zones / box.width();
          out[(row * zones + column) * kDirections + direction] += 1;
          total += 1;
        });
        if (total == 0) return;
        for (int64_t i = 0; i < size; ++i) out[i] /= total;
      });
}

std::vector<float> transition_counts(const data::ImagesView& images,
                                     double threshold, int64_t bands) {
  check("transition_counts", images, "bands", bands);
  return of_each(images, threshold, 2 * bands,
                 [&](const Bitmap& bitmap, float* out) {
                   const Box& box = bitmap.box();
                   std::vector<int64_t> changes(box.height());
                   for (int64_t y = 0; y < box.height(); ++y) {
                     for (int64_t x = box.left; x <= box.right; ++x)
                       changes[y] += differs(bitmap, box.top + y, x, 0, 1);
                   }
                   average_bands(changes, bands, out);
                   changes.assign(box.width(), 0);
                   for (int64_t x = 0; x < box.width(); ++x) {
                     for (int64_t y = box.top; y <= box.bottom; ++y)
                       changes[x] += differs(bitmap, y, box.left + x, 1, 0);
                   }
                   average_bands(changes, bands, out + bands);
                 });
}

}  // namespace digitnet::features
