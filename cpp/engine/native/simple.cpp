// Operations without weights: pooling, activations, dropout, and those that
// join or split what others compute.
#include <algorithm>
#include <cstring>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

// f(n, row) for every row of every image of the batch.
template <class F>
void each_row(const Pass& pass, const Map& map, const F& f) {
  pass.pool.parallel_for(pass.count, [&](int64_t n) {
    for (int64_t row = 0; row < map.height; ++row) f(n, row);
  });
}

int64_t line(const Map& map) { return map.width * map.channels; }

class MaxPool : public Op {
 public:
  MaxPool(Tensor& x, Tensor& y, int64_t size, int64_t stride)
      : x_(x), y_(y), size_(size), stride_(stride) {}

  void prepare(int64_t capacity, bool, int) override {
    where_.resize(capacity * y_.value.size());
    taps_.clear();
    for (int64_t tap = 0; tap < size_ * size_; ++tap) {
      taps_.push_back(static_cast<int32_t>(tap / size_ * x_.value.row() +
                                           tap % size_ * x_.value.channels));
    }
  }

  void forward(const Pass& pass) override {
    const Map &x = x_.value, &y = y_.value;
    each_row(pass, y, [&](int64_t n, int64_t row) {
      int32_t* where = where_.data() + n * y.size() + row * line(y);
      for (int64_t column = 0; column < y.width; ++column) {
        const int64_t corner = stride_ * (row * x.row() + column * x.channels);
        const int64_t first = column * y.channels;
        pass.kernels.max_of_taps(x.at(n), static_cast<int32_t>(corner),
                                 taps_.data(), size_ * size_, y.channels,
                                 y.at(n, row) + first, where + first);
      }
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const Map &dx = x_.gradient, &g = y_.gradient, &x = x_.value;
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      std::memset(dx.data + n * dx.image(), 0, dx.image() * sizeof(float));
      for (int64_t row = 0; row < g.height; ++row) {
        const int32_t* where =
            where_.data() + n * y_.value.size() + row * line(g);
        const float* from = g.at(n, row);
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
  Tensor &x_, &y_;
  int64_t size_, stride_;
  std::vector<int32_t> taps_;   // offsets of a window's pixels
  std::vector<int32_t> where_;  // offset from the image's first pixel
};

class AveragePool : public Op {
 public:
  AveragePool(Tensor& x, Tensor& y, int64_t size, int64_t stride)
      : x_(x), y_(y), size_(size), stride_(stride) {}

  void forward(const Pass& pass) override {
    const Map &x = x_.value, &y = y_.value;
    const float part = 1.0f / static_cast<float>(size_ * size_);
    each_row(pass, y, [&](int64_t n, int64_t row) {
      for (int64_t column = 0; column < y.width; ++column) {
        float* out = y.at(n, row) + column * y.channels;
        std::fill_n(out, y.channels, 0.0f);
        for (int64_t tap = 0; tap < size_ * size_; ++tap) {
          const float* from = x.at(n, row * stride_ + tap / size_) +
                              (column * stride_ + tap % size_) * x.channels;
          for (int64_t c = 0; c < y.channels; ++c) out[c] += from[c] * part;
        }
      }
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const Map &dx = x_.gradient, &g = y_.gradient;
    const float part = 1.0f / static_cast<float>(size_ * size_);
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      std::memset(dx.data + n * dx.image(), 0, dx.image() * sizeof(float));
      for (int64_t pixel = 0; pixel < g.height * g.width; ++pixel) {
        const int64_t row = pixel / g.width, column = pixel % g.width;
        const float* from = g.at(n, row) + column * g.channels;
        for (int64_t tap = 0; tap < size_ * size_; ++tap) {
          float* to = dx.at(n, row * stride_ + tap / size_) +
                      (column * stride_ + tap % size_) * dx.channels;
          for (int64_t c = 0; c < g.channels; ++c) to[c] += from[c] * part;
        }
      }
    });
  }

 private:
  Tensor &x_, &y_;
  int64_t size_, stride_;
};

// The mask is drawn again in the backward pass instead of kept.
class Dropout : public Op {
 public:
  Dropout(Tensor& x, Tensor& y, double rate, uint32_t number)
      : x_(x), y_(y), rate_(rate), number_(number) {}

  void forward(const Pass& pass) override {
    apply(pass, pass.training, x_.value, y_.value);
  }
  void backward(const Pass& pass) override {
    if (x_.needs_gradient) apply(pass, true, y_.gradient, x_.gradient);
  }

 private:
  void apply(const Pass& pass, bool drops, const Map& from, const Map& to) {
    const DropoutKey key(pass, number_);
    each_row(pass, to, [&](int64_t n, int64_t row) {
      const auto first =
          static_cast<uint64_t>((n * to.height + row) * line(to));
      if (drops) {
        pass.kernels.dropout(from.at(n, row), to.at(n, row), line(to),
                             1 - rate_, key.words, first);
      } else {
        std::copy_n(from.at(n, row), line(to), to.at(n, row));
      }
    });
  }

  Tensor &x_, &y_;
  double rate_;
  uint32_t number_;
};

class Activation : public Op {
 public:
  Activation(Tensor& x, Tensor& y, std::string kind)
      : x_(x), y_(y), kind_(std::move(kind)) {}

  void forward(const Pass& pass) override {
    const kernels::Kernels& k = pass.kernels;
    const auto function = kind_ == "relu"      ? k.relu
                          : kind_ == "sigmoid" ? k.sigmoid
                          : kind_ == "tanh"    ? k.tanh
                                               : k.gelu;
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      function(x_.value.at(n, row), y_.value.at(n, row), line(y_.value));
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const kernels::Kernels& k = pass.kernels;
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      const float* g = y_.gradient.at(n, row);
      const float* y = y_.value.at(n, row);
      float* out = x_.gradient.at(n, row);
      const int64_t count = line(y_.value);
      if (kind_ == "relu") {
        k.relu_gradient(y, g, 1, out, count);
      } else if (kind_ == "sigmoid") {
        k.sigmoid_gradient(y, g, out, count);
      } else if (kind_ == "tanh") {
        k.tanh_gradient(y, g, out, count);
      } else {
        k.gelu_gradient(x_.value.at(n, row), g, out, count);
      }
    });
  }

 private:
  Tensor &x_, &y_;
  std::string kind_;
};

class Copy : public Op {
 public:
  Copy(Tensor& x, Tensor& y) : x_(x), y_(y) {}

  void forward(const Pass& pass) override {
    if (y_.value.data == x_.value.data) return;
    each_row(pass, x_.value, [&](int64_t n, int64_t row) {
      const int64_t size = line(x_.value);
      std::copy_n(x_.value.at(n, row), size, y_.value.at(n) + row * size);
    });
  }
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient || y_.gradient.data == x_.gradient.data) return;
    each_row(pass, x_.gradient, [&](int64_t n, int64_t row) {
      const int64_t size = line(x_.gradient);
      std::copy_n(y_.gradient.at(n) + row * size, size, x_.gradient.at(n, row));
    });
  }

 private:
  Tensor &x_, &y_;
};

class Add : public Op {
 public:
  Add(Tensor& a, Tensor& b, Tensor& y) : a_(a), b_(b), y_(y) {}

  void forward(const Pass& pass) override {
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      pass.kernels.add(a_.value.at(n, row), b_.value.at(n, row),
                       y_.value.at(n, row), line(y_.value));
    });
  }
  void backward(const Pass& pass) override {
    for (Tensor* part : {&a_, &b_}) {
      if (!part->needs_gradient) continue;
      each_row(pass, y_.gradient, [&](int64_t n, int64_t row) {
        std::copy_n(y_.gradient.at(n, row), line(y_.gradient),
                    part->gradient.at(n, row));
      });
    }
  }

 private:
  Tensor &a_, &b_, &y_;
};

class Concat : public Op {
 public:
  Concat(std::vector<Tensor*> parts, Tensor& y)
      : parts_(std::move(parts)), y_(y) {}

  void forward(const Pass& pass) override {
    copy(pass, [](Tensor& part) { return part.value; }, y_.value, true);
  }
  void backward(const Pass& pass) override {
    copy(pass, [](Tensor& part) { return part.gradient; }, y_.gradient, false);
  }

 private:
  template <class F>
  void copy(const Pass& pass, const F& map_of, const Map& whole, bool joins) {
    each_row(pass, whole, [&](int64_t n, int64_t row) {
      int64_t first = 0;
      for (Tensor* part : parts_) {
        const Map map = map_of(*part);
        for (int64_t x = 0; map.data && x < whole.width; ++x) {
          float* outer = whole.at(n, row) + x * whole.channels + first;
          float* inner = map.at(n, row) + x * map.channels;
          if (joins) {
            std::copy_n(inner, map.channels, outer);
          } else {
            std::copy_n(outer, map.channels, inner);
          }
        }
        first += map.channels;
      }
    });
  }

  std::vector<Tensor*> parts_;
  Tensor& y_;
};

class Fork : public Op {
 public:
  Fork(Tensor& x, std::vector<Tensor*> branches)
      : x_(x), branches_(std::move(branches)) {}

  void forward(const Pass&) override {}  // branches share the value
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_row(pass, x_.gradient, [&](int64_t n, int64_t row) {
      float* to = x_.gradient.at(n, row);
      std::copy_n(branches_[0]->gradient.at(n, row), line(x_.gradient), to);
      for (size_t i = 1; i < branches_.size(); ++i) {
        pass.kernels.add(to, branches_[i]->gradient.at(n, row), to,
                         line(x_.gradient));
      }
    });
  }

 private:
  Tensor& x_;
  std::vector<Tensor*> branches_;
};

}  // namespace

OpPtr make_max_pool(Tensor& x, Tensor& y, int64_t size, int64_t stride) {
  return std::make_unique<MaxPool>(x, y, size, stride);
}
OpPtr make_average_pool(Tensor& x, Tensor& y, int64_t size, int64_t stride) {
  return std::make_unique<AveragePool>(x, y, size, stride);
}
OpPtr make_dropout(Tensor& x, Tensor& y, double rate, uint32_t number) {
  return std::make_unique<Dropout>(x, y, rate, number);
}
OpPtr make_activation(Tensor& x, Tensor& y, const std::string& kind) {
  return std::make_unique<Activation>(x, y, kind);
}
OpPtr make_copy(Tensor& x, Tensor& y) { return std::make_unique<Copy>(x, y); }
OpPtr make_add(Tensor& a, Tensor& b, Tensor& y) {
  return std::make_unique<Add>(a, b, y);
}
OpPtr make_concat(std::vector<Tensor*> parts, Tensor& y) {
  return std::make_unique<Concat>(std::move(parts), y);
}
OpPtr make_fork(Tensor& x, std::vector<Tensor*> branches) {
  return std::make_unique<Fork>(x, std::move(branches));
}

}  // namespace digitnet::engine::native
