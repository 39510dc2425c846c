// Depthwise convolutions: every channel by itself.
//
// The input's gradient is the sum over the taps that reach a pixel. With a
// stride these repeat: pixels whose row and column leave the same remainders
// are reached by the same taps, and their sums are one call of the kernel that
// runs the forward pass. With stride 2 and three taps along an axis:
//
//   input    0 1 2 3 4 5 6      padding 1
//   output   0   1   2   3      taps 0, 1, 2 of output 1 are inputs 1, 2, 3
//
//   even inputs are reached by tap 1 alone, odd ones by taps 2 and 0 of the
//   outputs beside them
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

class DepthwiseConv : public Op {
 public:
  DepthwiseConv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
                Weight bias)
      : x_(x),
        y_(y),
        kernel_(options.kernel),
        stride_(options.stride),
        padding_(options.padding),
        weight_(std::move(weight)),
        bias_(std::move(bias)) {
    x.need_value_pad(padding_);
    // What taps of the border's pixels meet beyond the output reads as zero.
    const int64_t before = (kernel_ - 1 - padding_ + stride_ - 1) / stride_;
    const int64_t last_row = (x.height - 1 + padding_) / stride_;
    const int64_t last_column = (x.width - 1 + padding_) / stride_;
    y.need_gradient_pad(std::max(
        {before, last_row - (y.height - 1), last_column - (y.width - 1)}));
  }

  std::vector<Weight*> weights() override {
    if (bias_.name.empty()) return {&weight_};
    return {&weight_, &bias_};
  }

  void prepare(int64_t capacity, bool training, int) override {
    forward_ = {};
    for (int64_t tap = 0; tap < kernel_ * kernel_; ++tap) {
      forward_.add(tap, tap / kernel_ * x_.value.row() +
                            tap % kernel_ * x_.value.channels);
    }
    if (!training) return;
    partial_.reserve(Chunks::max_count(capacity, sum_floats()) * sum_floats());
    phases_.clear();
    for (int64_t i = 0; i < stride_ * stride_ && x_.needs_gradient; ++i)
      phases_.push_back(taps_of(i / stride_, i % stride_));
  }

  bool forward_by_images() const override { return true; }
  void forward_images(const Pass& pass, const Images& images) override {
    const Map &x = x_.value, &y = y_.value;
    for (int64_t n = images.first; n < images.last; ++n) {
      kernels::Depthwise d = depthwise(forward_);
      d.x = window(n);
      d.x_pixel = stride_ * x.channels;
      d.x_line = stride_ * x.row();
      d.bias = bias_.value;
      d.height = y.height;
      d.width = y.width;
      d.y = y.at(n);
      d.y_pixel = y.channels;
      d.y_line = y.row();
      pass.kernels.depthwise(d);
    }
  }

  bool backward_by_images() const override { return true; }
  void backward_images(const Pass& pass, const Images& images) override {
    float* partial = partial_.data() + images.chunk * sum_floats();
    if (images.starts_chunk) std::fill_n(partial, sum_floats(), 0.0f);
    for (int64_t n = images.first; n < images.last; ++n) {
      if (pass.weight_gradients) weight_gradient(pass, n, partial);
      if (x_.needs_gradient) input_gradient(pass, n);
    }
  }
  void finish_backward(const Pass& pass, const Chunks& chunks) override {
    if (!pass.weight_gradients) return;
    weight_.sum_partials(pass, chunks, partial_.data(), sum_floats());
    if (bias_.name.empty()) return;
    bias_.sum_partials(pass, chunks, partial_.data() + weight_.count(),
                       sum_floats());
  }

  // Gradients of a chunk: of the weights, then of the bias.
  int64_t sum_floats() const override {
    return weight_.count() + (bias_.name.empty() ? 0 : bias_.count());
  }
  int64_t image_floats() const override {
    return x_.value.image() + y_.value.image();
  }
  int64_t bytes() const override { return partial_.bytes(); }

 private:
  // Taps of a window, and where each finds its value.
  struct Taps {
    std::vector<int64_t> rows, offsets;
    void add(int64_t row, int64_t offset) {
      rows.push_back(row);
      offsets.push_back(offset);
    }
  };

  // First tap of the first pixel of image n.
  const float* window(int64_t n) const {
    return x_.value.at(n) - padding_ * (x_.value.row() + x_.value.channels);
  }

  // Those that reach input pixels whose row and column, divided by the stride,
  // leave `row` and `column`: offsets in g from the output pixel that has the
  // quotients as its numbers.
  Taps taps_of(int64_t row, int64_t column) const {
    Taps result;
    for (int64_t tap = 0; tap < kernel_ * kernel_; ++tap) {
      const int64_t down = row + padding_ - tap / kernel_;
      const int64_t along = column + padding_ - tap % kernel_;
      if (down % stride_ || along % stride_) continue;
      result.add(tap, down / stride_ * y_.gradient.row() +
                          along / stride_ * y_.gradient.channels);
    }
    return result;
  }

  kernels::Depthwise depthwise(const Taps& taps) const {
    kernels::Depthwise d{};
    d.taps = static_cast<int64_t>(taps.rows.size());
    d.rows = taps.rows.data();
    d.offsets = taps.offsets.data();
    d.weights = weight_.value;
    d.kernel_taps = weight_.inputs;
    d.channels = weight_.outputs;
    return d;
  }

  void input_gradient(const Pass& pass, int64_t n) {
    const Map &g = y_.gradient, &dx = x_.gradient;
    for (int64_t i = 0; i < stride_ * stride_; ++i) {
      const int64_t row = i / stride_, column = i % stride_;
      kernels::Depthwise d = depthwise(phases_[i]);
      d.x = g.at(n);
      d.x_pixel = g.channels;
      d.x_line = g.row();
      d.height = (dx.height - row + stride_ - 1) / stride_;
      d.width = (dx.width - column + stride_ - 1) / stride_;
      d.y = dx.at(n, row) + column * dx.channels;
      d.y_pixel = stride_ * dx.channels;
      d.y_line = stride_ * dx.row();
      pass.kernels.depthwise(d);
    }
  }

  void weight_gradient(const Pass& pass, int64_t n, float* partial) const {
    const Map &x = x_.value, &g = y_.gradient;
    pass.kernels.depthwise_gradient(
        {window(n), stride_ * x.channels, stride_ * x.row(), x.row(), kernel_,
         g.at(n), g.channels, g.row(), g.channels, g.height, g.width, partial});
    if (bias_.name.empty()) return;
    for (int64_t row = 0; row < g.height; ++row) {
      pass.kernels.column_sums(g.at(n, row), g.width, g.channels, g.channels,
                               partial + weight_.count());
    }
  }

  Tensor &x_, &y_;
  int64_t kernel_, stride_, padding_;
  Weight weight_, bias_;
  Taps forward_;
  std::vector<Taps> phases_;  // of each remainder of a row and a column
  Buffer partial_;            // gradients of each chunk
};

}  // namespace

OpPtr make_depthwise_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                          Weight weight, Weight bias) {
  return std::make_unique<DepthwiseConv>(x, y, options, std::move(weight),
                                         std::move(bias));
}

}  // namespace digitnet::engine::native
