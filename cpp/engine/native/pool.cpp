// Pooling, and its counterpart.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

class MaxPool : public Op {
 public:
  MaxPool(Tensor& x, Tensor& y, int64_t size, int64_t stride, int64_t padding)
      : x_(x), y_(y), size_(size), stride_(stride), padding_(padding) {}

  void prepare(int64_t capacity, bool, int) override {
    where_.resize(capacity * y_.value.size());
    taps_.clear();
    for (int64_t row = 0; row < y_.height; ++row) {
      for (int64_t column = 0; column < y_.width; ++column)
        taps_.push_back(
            taps_of(stride_ * row - padding_, stride_ * column - padding_));
    }
  }

  void forward(const Pass& pass) override {
    const Map &x = x_.value, &y = y_.value;
    each_row(pass, y, [&](int64_t n, int64_t row) {
      int32_t* where = where_.data() + n * y.size() + row * line(y);
      for (int64_t column = 0; column < y.width; ++column) {
        const std::vector<int32_t>& taps = taps_[row * y.width + column];
        const int64_t first = column * y.channels;
        pass.kernels.max_of_taps(x.at(n), 0, taps.data(),
                                 static_cast<int64_t>(taps.size()), y.channels,
                                 y.at(n, row) + first, where + first);
      }
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const Map &dx = x_.gradient, &g = y_.gradient, &x = x_.value;
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      dx.clear(n);
      for (int64_t row = 0; row < g.height; ++row) {
        const int32_t* where =
            where_.data() + n * y_.value.size() + row * line(g);
        const float* from = g.at(n, row);
        if (x.row() == dx.row()) {
          float* to = dx.at(n);
          for (int64_t i = 0; i < line(g); ++i) to[where[i]] += from[i];
          continue;
        }
        for (int64_t i = 0; i < line(g); ++i) {
          const int64_t y = where[i] / x.row();
          dx.at(n, y)[where[i] - y * x.row()] += from[i];
        }
      }
    });
  }

  int64_t bytes() const override {
    return static_cast<int64_t>(where_.size() * sizeof(int32_t));
  }

 private:
  // Where the pixels of a window lie that are no padding.
  std::vector<int32_t> taps_of(int64_t row, int64_t column) const {
    std::vector<int32_t> taps;
    for (int64_t y = std::max<int64_t>(0, row);
         y < std::min(row + size_, x_.height); ++y) {
      for (int64_t x = std::max<int64_t>(0, column);
           x < std::min(column + size_, x_.width); ++x) {
        taps.push_back(
            static_cast<int32_t>(y * x_.value.row() + x * x_.value.channels));
      }
    }
    return taps;
  }

  Tensor &x_, &y_;
  int64_t size_, stride_, padding_;
  std::vector<std::vector<int32_t>> taps_;  // of each output pixel
  std::vector<int32_t> where_;  // offset from the image's first pixel
};

// The pixels [first, last) of an axis that an output pixel is the mean of.
struct Window {
  int64_t first, last;
};

class AveragePool : public Op {
 public:
  AveragePool(Tensor& x, Tensor& y, std::vector<Window> rows,
              std::vector<Window> columns)
      : x_(x), y_(y), rows_(std::move(rows)), columns_(std::move(columns)) {}

  void forward(const Pass& pass) override {
    const Map &x = x_.value, &y = y_.value;
    each_row(pass, y, [&](int64_t n, int64_t row) {
      for (int64_t column = 0; column < y.width; ++column) {
        float* out = y.at(n, row) + column * y.channels;
        std::fill_n(out, y.channels, 0.0f);
        each_tap(x, n, row, column, [&](const float* from, float part) {
          for (int64_t c = 0; c < y.channels; ++c) out[c] += from[c] * part;
        });
      }
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const Map &dx = x_.gradient, &g = y_.gradient;
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      dx.clear(n);
      for (int64_t pixel = 0; pixel < g.height * g.width; ++pixel) {
        const int64_t row = pixel / g.width, column = pixel % g.width;
        const float* from = g.at(n, row) + column * g.channels;
        each_tap(dx, n, row, column, [&](float* to, float part) {
          for (int64_t c = 0; c < g.channels; ++c) to[c] += from[c] * part;
        });
      }
    });
  }

 private:
  // f(pixel, its share) for the pixels of a window.
  template <class F>
  void each_tap(const Map& map, int64_t n, int64_t row, int64_t column,
                const F& f) const {
    const Window &down = rows_[row], &along = columns_[column];
    const float part = 1.0f / static_cast<float>((down.last - down.first) *
                                                 (along.last - along.first));
    for (int64_t y = down.first; y < down.last; ++y) {
      for (int64_t x = along.first; x < along.last; ++x)
        f(map.at(n, y) + x * map.channels, part);
    }
  }

  Tensor &x_, &y_;
  std::vector<Window> rows_, columns_;
};

std::vector<Window> sliding(int64_t count, int64_t size, int64_t stride) {
  std::vector<Window> result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back({i * stride, i * stride + size});
  return result;
}

// As torch has them: from the pixel that i / count falls on to the one before
// (i + 1) / count. They may overlap, and there may be more than pixels.
std::vector<Window> covering(int64_t pixels, int64_t count) {
  std::vector<Window> result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(
        {i * pixels / count, ((i + 1) * pixels + count - 1) / count});
  return result;
}

class Upsample : public Op {
 public:
  Upsample(Tensor& x, Tensor& y) : x_(x), y_(y), factor_(y.height / x.height) {}

  void forward(const Pass& pass) override {
    const Map &x = x_.value, &y = y_.value;
    each_row(pass, x, [&](int64_t n, int64_t row) {
      const float* from = x.at(n, row);
      float* first = y.at(n, row * factor_);
      float* to = first;
      for (int64_t column = 0; column < y.width; ++column, to += y.channels)
        std::copy_n(from + column / factor_ * x.channels, x.channels, to);
      for (int64_t i = 1; i < factor_; ++i)
        std::copy_n(first, line(y), y.at(n, row * factor_ + i));
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const Map &dx = x_.gradient, &g = y_.gradient;
    each_row(pass, dx, [&](int64_t n, int64_t row) {
      for (int64_t column = 0; column < dx.width; ++column) {
        float* to = dx.at(n, row) + column * dx.channels;
        for (int64_t i = 0; i < factor_ * factor_; ++i) {
          const float* from = g.at(n, row * factor_ + i / factor_) +
                              (column * factor_ + i % factor_) * g.channels;
          if (i == 0) {
            std::copy_n(from, dx.channels, to);
          } else {
            pass.kernels.add(to, from, to, dx.channels);
          }
        }
      }
    });
  }

 private:
  Tensor &x_, &y_;
  int64_t factor_;
};

}  // namespace

OpPtr make_max_pool(Tensor& x, Tensor& y, int64_t size, int64_t stride,
                    int64_t padding) {
  return std::make_unique<MaxPool>(x, y, size, stride, padding);
}
OpPtr make_average_pool(Tensor& x, Tensor& y, int64_t size, int64_t stride) {
  return std::make_unique<AveragePool>(x, y, sliding(y.height, size, stride),
                                       sliding(y.width, size, stride));
}
OpPtr make_adaptive_average_pool(Tensor& x, Tensor& y) {
  return std::make_unique<AveragePool>(x, y, covering(x.height, y.height),
                                       covering(x.width, y.width));
}
OpPtr make_upsample(Tensor& x, Tensor& y) {
  return std::make_unique<Upsample>(x, y);
}

}  // namespace digitnet::engine::native
