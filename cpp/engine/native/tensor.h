// Where an operation's inputs and outputs lie.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "core/shape.h"
#include "kernels/kernels.h"

namespace digitnet::engine::native {

// Images of H x W pixels with C channels side by side, each image with a border
// of `pad` pixels and a few floats of slack behind it.
struct Map {
  float* data = nullptr;
  int64_t height = 1, width = 1, channels = 0, pad = 0;

  int64_t row() const { return (width + 2 * pad) * channels; }
  int64_t image() const {
    // Slack for a vector that reaches beyond the last row; and images whose
    // distance is no power of two do not fight for one place in the cache.
    return (height + 2 * pad) * row() + 16;
  }
  int64_t size() const { return height * width * channels; }
  // Pixel (0, 0) of image n.
  float* at(int64_t n) const {
    return data + n * image() + pad * (row() + channels);
  }
  float* at(int64_t n, int64_t y) const { return at(n) + y * row(); }
  // Sets image n to zero, border and slack included.
  void clear(int64_t n) const {
    std::fill_n(data + n * image(), image(), 0.0f);
  }
};

// A value and its gradient. Flat features that came from a map keep its order,
// so that flatten need not move them: feature (y, x, channel), where the
// network counts (channel, y, x). A dense layer behind has its weights' rows in
// that order (Plan::copy).
struct Tensor {
  Shape shape;
  int64_t height, width, channels;  // `order` of flat features, else the shape
  Tensor* value_of = nullptr;       // shares this tensor's value
  Tensor* gradient_of = nullptr;    // shares this one's gradient too
  // Of this shape; its gradient is computed value by value from this one's,
  // which nobody reads afterwards, and takes its place if their borders are
  // alike.
  Tensor* replaced_by = nullptr;
  bool needs_gradient = true;
  bool leads = false;  // of Plan::backward(): to the layer it begins at
  int64_t value_pad = 0, gradient_pad = 0;
  Map value, gradient;

  // Floats from one row of an image to the next, of a value or gradient.
  int64_t row(const Map& map) const {
    return shape.flat ? width * channels : map.row();
  }

  Tensor* value_root() { return value_of ? value_of->value_root() : this; }
  Tensor* gradient_root() {
    return gradient_of ? gradient_of->gradient_root() : this;
  }
  bool is_replaced() const {
    return replaced_by && replaced_by->needs_gradient &&
           !replaced_by->gradient_of &&
           replaced_by->gradient_pad == gradient_pad;
  }
  void need_value_pad(int64_t pad) {
    Tensor* root = value_root();
    root->value_pad = pad > root->value_pad ? pad : root->value_pad;
  }
  void need_gradient_pad(int64_t pad) {
    Tensor* root = gradient_root();
    root->gradient_pad = pad > root->gradient_pad ? pad : root->gradient_pad;
  }
};

// One image of a tensor's value or gradient (`map`) in the network's own order,
// [C, H, W] or [features], to `out`; and from `in`.
void to_row_major(const kernels::Kernels& kernels, const Tensor& tensor,
                  const Map& map, int64_t n, float* out);
void from_row_major(const kernels::Kernels& kernels, const Tensor& tensor,
                    const Map& map, int64_t n, const float* in);

// Begins at a cache line, so that whole vectors do not lie across two.
template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}  // NOLINT: allocators convert
  T* allocate(size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kLine));
  }
  void deallocate(T* memory, size_t) { ::operator delete(memory, kLine); }
  bool operator==(const LineAllocator&) const { return true; }
};
using Floats = std::vector<float, LineAllocator<float>>;

// From row to row of so many floats: an odd number of cache lines, so that rows
// do not fight for one place in the cache.
inline int64_t pitch_of(int64_t floats) {
  return (floats + 15) / 16 / 2 * 32 + 16;
}

// Zeroed floats that may be read kSlack beyond the end. Never shrinks.
class Buffer {
 public:
  float* reserve(int64_t count) {
    const auto size = static_cast<size_t>(count + kernels::kSlack);
    if (values_.size() < size) values_.assign(size, 0.0f);
    return values_.data();
  }
  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }
  int64_t bytes() const {
    return static_cast<int64_t>(values_.size() * sizeof(float));
  }

 private:
  Floats values_;
};

}  // namespace digitnet::engine::native
