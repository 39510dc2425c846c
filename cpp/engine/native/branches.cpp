// Operations that join or split what others compute.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

const Map& value_of(const Tensor& tensor) { return tensor.value; }
const Map& gradient_of(const Tensor& tensor) { return tensor.gradient; }

// Between the channels of a map's row and those of parts, which lie side by
// side in it: from the parts if `joins`, else to those that have memory.
void copy_channels(int64_t n, int64_t row, const Map& (*map_of)(const Tensor&),
                   const Map& whole, const std::vector<Tensor*>& parts,
                   bool joins) {
  int64_t first = 0;
  for (const Tensor* part : parts) {
    const Map& map = map_of(*part);
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
}

// f(n, row) for every row of some images.
template <class F>
void each_row_of(const Images& images, const Map& map, const F& f) {
  for (int64_t n = images.first; n < images.last; ++n) {
    for (int64_t row = 0; row < map.height; ++row) f(n, row);
  }
}

class Add : public Op {
 public:
  Add(Tensor& a, Tensor& b, Tensor& y) : a_(a), b_(b), y_(y) {}

  bool forward_by_images() const override { return true; }
  void forward_images(const Pass& pass, const Images& images) override {
    each_row_of(images, y_.value, [&](int64_t n, int64_t row) {
      pass.kernels.add(a_.value.at(n, row), b_.value.at(n, row),
                       y_.value.at(n, row), line(y_.value));
    });
  }
  bool backward_by_images() const override { return true; }
  void backward_images(const Pass&, const Images& images) override {
    for (Tensor* part : {&a_, &b_}) {
      if (!part->needs_gradient) continue;
      each_row_of(images, y_.gradient, [&](int64_t n, int64_t row) {
        std::copy_n(y_.gradient.at(n, row), line(y_.gradient),
                    part->gradient.at(n, row));
      });
    }
  }
  int64_t image_floats() const override { return 3 * y_.value.image(); }

 private:
  Tensor &a_, &b_, &y_;
};

class Concat : public Op {
 public:
  Concat(std::vector<Tensor*> parts, Tensor& y)
      : parts_(std::move(parts)), y_(y) {}

  bool forward_by_images() const override { return true; }
  void forward_images(const Pass&, const Images& images) override {
    each_row_of(images, y_.value, [&](int64_t n, int64_t row) {
      copy_channels(n, row, value_of, y_.value, parts_, true);
    });
  }
  bool backward_by_images() const override { return true; }
  void backward_images(const Pass&, const Images& images) override {
    each_row_of(images, y_.value, [&](int64_t n, int64_t row) {
      copy_channels(n, row, gradient_of, y_.gradient, parts_, false);
    });
  }
  int64_t image_floats() const override { return 2 * y_.value.image(); }

 private:
  std::vector<Tensor*> parts_;
  Tensor& y_;
};

// Parts of the channels as maps of their own.
class Split : public Op {
 public:
  Split(Tensor& x, std::vector<Tensor*> parts)
      : x_(x), parts_(std::move(parts)) {}

  void forward(const Pass& pass) override {
    each_row(pass, x_.value, [&](int64_t n, int64_t row) {
      copy_channels(n, row, value_of, x_.value, parts_, false);
    });
  }
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_row(pass, x_.gradient, [&](int64_t n, int64_t row) {
      copy_channels(n, row, gradient_of, x_.gradient, parts_, true);
    });
  }

 private:
  Tensor& x_;
  std::vector<Tensor*> parts_;
};

// Each channel several times, side by side.
class RepeatChannels : public Op {
 public:
  RepeatChannels(Tensor& x, Tensor& y)
      : x_(x), y_(y), times_(y.channels / x.channels) {}

  void forward(const Pass& pass) override {
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      const float* from = x_.value.at(n, row);
      float* to = y_.value.at(n, row);
      for (int64_t i = 0; i < line(x_.value); ++i, to += times_)
        std::fill_n(to, times_, from[i]);
    });
  }
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_row(pass, y_.gradient, [&](int64_t n, int64_t row) {
      const float* from = y_.gradient.at(n, row);
      float* to = x_.gradient.at(n, row);
      for (int64_t i = 0; i < line(x_.gradient); ++i, from += times_)
        to[i] = pass.kernels.sum(from, times_);
    });
  }

 private:
  Tensor &x_, &y_;
  int64_t times_;
};

class Fork : public Op {
 public:
  Fork(Tensor& x, std::vector<Tensor*> branches)
      : x_(x), branches_(std::move(branches)) {}

  bool forward_by_images() const override { return true; }  // a shared value
  bool backward_by_images() const override { return true; }
  void backward_images(const Pass& pass, const Images& images) override {
    if (!x_.needs_gradient) return;
    each_row_of(images, x_.gradient, [&](int64_t n, int64_t row) {
      float* to = x_.gradient.at(n, row);
      const float* first = branches_[0]->gradient.at(n, row);
      for (size_t i = 1; i < branches_.size(); ++i) {
        pass.kernels.add(first, branches_[i]->gradient.at(n, row), to,
                         line(x_.gradient));
        first = to;
      }
      if (first != to) std::copy_n(first, line(x_.gradient), to);
    });
  }
  int64_t image_floats() const override { return 3 * x_.value.image(); }

 private:
  Tensor& x_;
  std::vector<Tensor*> branches_;
};

}  // namespace

OpPtr make_add(Tensor& a, Tensor& b, Tensor& y) {
  return std::make_unique<Add>(a, b, y);
}
OpPtr make_concat(std::vector<Tensor*> parts, Tensor& y) {
  return std::make_unique<Concat>(std::move(parts), y);
}
OpPtr make_split(Tensor& x, std::vector<Tensor*> parts) {
  return std::make_unique<Split>(x, std::move(parts));
}
OpPtr make_repeat_channels(Tensor& x, Tensor& y) {
  return std::make_unique<RepeatChannels>(x, y);
}
OpPtr make_fork(Tensor& x, std::vector<Tensor*> branches) {
  return std::make_unique<Fork>(x, std::move(branches));
}

}  // namespace digitnet::engine::native
