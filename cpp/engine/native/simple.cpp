// Operations without weights that work value by value, or move values.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

// The mask is drawn again in the backward pass instead of kept.
class Dropout : public Op {
 public:
  Dropout(Tensor& x, Tensor& y, double rate, uint32_t number)
      : x_(x), y_(y), rate_(rate), number_(number) {}

  void forward(const Pass& pass) override {
    apply(pass, pass.training, x_.value, y_.value);
  }
  void backward(const Pass& pass) override {
    if (x_.needs_gradient) apply(pass, pass.training, y_.gradient, x_.gradient);
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

// Of an activation whose gradient follows from its output, or its input.
struct Function {
  void (*value)(const float* x, float* y, int64_t count);
  void (*gradient)(const float* by, const float* g, float* out, int64_t count);
  bool by_input;
};

Function function_of(const std::string& kind, const kernels::Kernels& k) {
  if (kind == "relu6") return {k.relu6, k.relu6_gradient, false};
  if (kind == "sigmoid") return {k.sigmoid, k.sigmoid_gradient, false};
  if (kind == "tanh") return {k.tanh, k.tanh_gradient, false};
  if (kind == "gelu") return {k.gelu, k.gelu_gradient, true};
  return {k.relu, nullptr, false};
}

class Activation : public Op {
 public:
  Activation(Tensor& x, Tensor& y, std::string kind)
      : x_(x), y_(y), kind_(std::move(kind)) {}

  void forward(const Pass& pass) override {
    const Function function = function_of(kind_, pass.kernels);
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      function.value(x_.value.at(n, row), y_.value.at(n, row), line(y_.value));
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const Function function = function_of(kind_, pass.kernels);
    const Map& by = function.by_input ? x_.value : y_.value;
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      const float* g = y_.gradient.at(n, row);
      float* out = x_.gradient.at(n, row);
      const int64_t count = line(y_.value);
      if (function.gradient) {
        function.gradient(by.at(n, row), g, out, count);
      } else {
        pass.kernels.relu_gradient(by.at(n, row), g, 1, out, count);
      }
    });
  }

 private:
  Tensor &x_, &y_;
  std::string kind_;
};

// Over the channels of each pixel, or all flat features.
class Softmax : public Op {
 public:
  Softmax(Tensor& x, Tensor& y) : x_(x), y_(y) {}

  void forward(const Pass& pass) override {
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      pass.kernels.softmax(x_.value.at(n, row), y_.value.at(n, row),
                           y_.value.width, y_.value.channels);
    });
  }
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_row(pass, y_.value, [&](int64_t n, int64_t row) {
      pass.kernels.softmax_gradient(y_.value.at(n, row), y_.gradient.at(n, row),
                                    x_.gradient.at(n, row), y_.value.width,
                                    y_.value.channels);
    });
  }

 private:
  Tensor &x_, &y_;
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

// Flat features in a map's order, (y, x, channel), to the network's, (channel,
// y, x).
class Reorder : public Op {
 public:
  Reorder(Tensor& x, Tensor& y) : x_(x), y_(y), pixels_(x.height * x.width) {}

  void forward(const Pass& pass) override {
    each_image(pass, [&](int64_t n) {
      pass.kernels.transpose(x_.value.at(n), pixels_, x_.channels, x_.channels,
                             y_.value.at(n), pixels_);
    });
  }
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_image(pass, [&](int64_t n) {
      pass.kernels.transpose(y_.gradient.at(n), x_.channels, pixels_, pixels_,
                             x_.gradient.at(n), x_.channels);
    });
  }

 private:
  Tensor &x_, &y_;
  int64_t pixels_;
};

}  // namespace

OpPtr make_dropout(Tensor& x, Tensor& y, double rate, uint32_t number) {
  return std::make_unique<Dropout>(x, y, rate, number);
}
OpPtr make_activation(Tensor& x, Tensor& y, const std::string& kind) {
  return std::make_unique<Activation>(x, y, kind);
}
OpPtr make_softmax(Tensor& x, Tensor& y) {
  return std::make_unique<Softmax>(x, y);
}
OpPtr make_copy(Tensor& x, Tensor& y) { return std::make_unique<Copy>(x, y); }
OpPtr make_reorder(Tensor& x, Tensor& y) {
  return std::make_unique<Reorder>(x, y);
}

}  // namespace digitnet::engine::native
