// Attention over the pixels of an image. Each head of each image is a task of
// its own, with matrices in a thread's scratch memory:
//
//   weights [pixels, pixels] = softmax(q k' / sqrt(size))      y = weights v
//
// The backward pass makes the weights again: kept, they would take pixels^2
// floats a head and image, and as long to be read from memory.
#include <algorithm>
#include <cmath>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

using kernels::kPanel;

class Attention : public Op {
 public:
  Attention(Tensor& x, Tensor& y, int64_t heads)
      : x_(x),
        y_(y),
        heads_(heads),
        size_(y.channels / heads),
        pixels_(x.height * x.width),
        scale_(1 / std::sqrt(static_cast<float>(size_))) {}

  void prepare(int64_t, bool training, int threads) override {
    scratch_size_ = 0;
    const auto place = [&](int64_t floats) {
      const int64_t start = scratch_size_;
      scratch_size_ += (floats + kernels::kSlack + 15) / 16 * 16;
      return start;
    };
    for (int64_t* head : {&keys_, &values_, &sums_})
      *head = place(pixels_ * kernels::padded(size_));
    for (int64_t* across : {&keys_across_, &values_across_})
      *across = place(size_ * kernels::padded(pixels_));
    weights_ = place(pixels_ * pixels_);
    gradients_ = training ? place(pixels_ * pixels_) : 0;
    scratch_.reserve(threads * scratch_size_);
  }

  void forward(const Pass& pass) override {
    pass.pool.parallel_for(pass.count * heads_, [&](int64_t task, int thread) {
      const Head head = start(pass, task, thread);
      weigh(pass, head);
      kernels::Convolution c = product(head.scratch + weights_, pixels_,
                                       head.scratch + values_, size_, nullptr);
      write_to(c, y_.value, head.n, head.index * size_);
      pass.kernels.convolve(c);
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    pass.pool.parallel_for(pass.count * heads_, [&](int64_t task, int thread) {
      const Head head = start(pass, task, thread);
      weigh(pass, head);
      values_gradient(pass, head);
      weights_gradient(pass, head);
      queries_and_keys_gradient(pass, head);
    });
  }

  int64_t bytes() const override { return scratch_.bytes(); }
  int64_t thread_floats(bool training) const override {
    return (training ? 2 : 1) * pixels_ * pixels_ +
           pixels_ * (3 * kernels::padded(size_) + 2 * size_);
  }

 private:
  struct Head {
    int64_t n, index;
    float* scratch;
  };

  // Channels of x at which a head's part begins.
  int64_t queries_at(const Head& head) const { return head.index * size_; }
  int64_t keys_at(const Head& head) const {
    return (heads_ + head.index) * size_;
  }
  int64_t values_at(const Head& head) const {
    return (2 * heads_ + head.index) * size_;
  }

  Head start(const Pass& pass, int64_t task, int thread) {
    const Head head{task / heads_, task % heads_,
                    scratch_.data() + thread * scratch_size_};
    float* keys = head.scratch + keys_;
    pack(head.n, keys_at(head), scale_, keys);
    pack(head.n, values_at(head), 1, head.scratch + values_);
    transpose_panels(pass.kernels, keys, pixels_, 0, pixels_, size_,
                     head.scratch + keys_across_, size_, 0);
    return head;
  }

  // Some channels of x, scaled, as panels of [pixels, size].
  void pack(int64_t n, int64_t channel, float scale, float* panels) const {
    each_run(x_.value, n, channel,
             [&](const float* from, int64_t at, int64_t count) {
               for (int64_t i = 0; i < count; ++i)
                 panels[at + i] = from[i] * scale;
             });
  }
  // And panels back to the gradient of x.
  void unpack(const float* panels, float scale, int64_t n, int64_t channel) {
    each_run(x_.gradient, n, channel,
             [&](float* to, int64_t at, int64_t count) {
               for (int64_t i = 0; i < count; ++i)
                 to[i] = panels[at + i] * scale;
             });
  }

  // f(first channel, where it lies in panels, count) of every pixel and panel.
  template <class F>
  void each_run(const Map& map, int64_t n, int64_t channel, const F& f) const {
    for (int64_t o = 0; o < size_; o += kPanel) {
      const int64_t width = kernels::panel_width(size_, o / kPanel);
      int64_t at = o * pixels_;
      for (int64_t row = 0; row < map.height; ++row) {
        for (int64_t x = 0; x < map.width; ++x, at += width) {
          f(map.at(n, row) + x * map.channels + channel + o, at,
            std::min(width, size_ - o));
        }
      }
    }
  }

  // Rows of [pixels, inputs], side by side, times panels of [inputs, outputs].
  kernels::Convolution product(const float* x, int64_t inputs,
                               const float* panels, int64_t outputs,
                               float* y) const {
    kernels::Convolution c{};
    c.x = x;
    c.x_pixel = c.run = inputs;
    c.x_line = x_.width * inputs;
    c.rows = 1;
    c.weights = panels;
    c.weights_panel = kPanel * inputs;
    c.outputs = outputs;
    c.last_panel = kernels::panel_count(outputs);
    c.height = x_.height;
    c.width = x_.width;
    c.y = y;
    c.y_pixel = outputs;
    c.y_line = x_.width * outputs;
    return c;
  }
  // The same with some channels of a map in the place of x, or of y.
  void read_from(kernels::Convolution& c, const Map& map, int64_t n,
                 int64_t channel) const {
    c.x = map.at(n) + channel;
    c.x_pixel = map.channels;
    c.x_line = map.row();
    join_lines(c, map);
  }
  void write_to(kernels::Convolution& c, const Map& map, int64_t n,
                int64_t channel) const {
    c.y = map.at(n) + channel;
    c.y_pixel = map.channels;
    c.y_line = map.row();
    join_lines(c, map);
  }
  // Without a border between them an image's rows are one: fewer blocks of few
  // pixels.
  template <class Product>
  void join_lines(Product& c, const Map& map) const {
    if (map.pad > 0) return;
    c.height = 1;
    c.width = pixels_;
  }

  // The weights, from queries and keys.
  void weigh(const Pass& pass, const Head& head) const {
    float* weights = head.scratch + weights_;
    kernels::Convolution c =
        product(nullptr, size_, head.scratch + keys_across_, pixels_, weights);
    read_from(c, x_.value, head.n, queries_at(head));
    pass.kernels.convolve(c);
    pass.kernels.softmax(weights, weights, pixels_, pixels_);
  }

  // Panels of [pixels, size] = a' b, with rows of [pixels, pixels] in `a` and
  // channels of a map in b.
  void transposed_product(const Pass& pass, const float* a, const Map& b,
                          int64_t n, int64_t channel, float* panels) const {
    kernels::WeightGradient c{};
    c.x = a;
    c.x_pixel = c.run = c.last_input = pixels_;
    c.x_line = x_.width * pixels_;
    c.rows = c.images = 1;
    c.g = b.at(n) + channel;
    c.g_pixel = b.channels;
    c.g_line = b.row();
    c.outputs = size_;
    c.last_panel = kernels::panel_count(size_);
    c.height = x_.height;
    c.width = x_.width;
    c.gradient = panels;
    join_lines(c, b);
    pass.kernels.weight_gradient(c);
  }

  void values_gradient(const Pass& pass, const Head& head) {
    float* sums = head.scratch + sums_;
    transposed_product(pass, head.scratch + weights_, y_.gradient, head.n,
                       head.index * size_, sums);
    unpack(sums, 1, head.n, values_at(head));
  }

  // Of the softmax's input.
  void weights_gradient(const Pass& pass, const Head& head) {
    float* across = head.scratch + values_across_;
    float* gradients = head.scratch + gradients_;
    transpose_panels(pass.kernels, head.scratch + values_, pixels_, 0, pixels_,
                     size_, across, size_, 0);
    kernels::Convolution c =
        product(nullptr, size_, across, pixels_, gradients);
    read_from(c, y_.gradient, head.n, head.index * size_);
    pass.kernels.convolve(c);
    pass.kernels.softmax_gradient(head.scratch + weights_, gradients, gradients,
                                  pixels_, pixels_);
  }

  void queries_and_keys_gradient(const Pass& pass, const Head& head) {
    const float* gradients = head.scratch + gradients_;
    kernels::Convolution c =
        product(gradients, pixels_, head.scratch + keys_, size_, nullptr);
    write_to(c, x_.gradient, head.n, queries_at(head));
    pass.kernels.convolve(c);
    float* sums = head.scratch + sums_;
    transposed_product(pass, gradients, x_.value, head.n, queries_at(head),
                       sums);
    unpack(sums, scale_, head.n, keys_at(head));
  }

  Tensor &x_, &y_;
  int64_t heads_, size_, pixels_;
  float scale_;
  // Where a thread's matrices begin: panels of keys (scaled), values and sums,
  // [pixels, size]; keys and values transposed; weights and their gradient.
  int64_t keys_ = 0, values_ = 0, sums_ = 0, keys_across_ = 0,
          values_across_ = 0, weights_ = 0, gradients_ = 0;
  int64_t scratch_size_ = 0;
  Buffer scratch_;
};

}  // namespace

OpPtr make_attention(Tensor& x, Tensor& y, int64_t heads) {
  return std::make_unique<Attention>(x, y, heads);
}

}  // namespace digitnet::engine::native
