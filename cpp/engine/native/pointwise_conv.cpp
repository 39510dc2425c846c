// Convolutions of one pixel, stride 1: matrices [pixels, inputs] times weights.
// Images without a border are rows of pixels, and images of one pixel are
// pixels of one row, so that the register blocks are full however small the
// maps are.
//
// Weights' gradients are sums over Chunks as everywhere. Where the batch is
// small beside the weights, as in the last blocks of deep networks, partial
// sums of all weights would cost more than the products: there a task has some
// weights, and adds up their chunks one after another in the first cache.
#include <algorithm>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

constexpr int64_t kPanel = kernels::kPanel;
constexpr int64_t kInputs = 128;  // of a tile of weights: 16 KiB
constexpr int64_t kFewPixels = 32;
constexpr int64_t kPixels = 96;  // that a task has at least, over its images
constexpr int64_t kChunkPixels = 12;  // of an image, so that a chunk has many

class PointwiseConv : public ConvBase {
 public:
  PointwiseConv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
                Weight bias, uint32_t number)
      : ConvBase(x, y, options, std::move(weight), std::move(bias), number),
        pixels_(height_ * width_),
        group_(std::clamp<int64_t>(kPixels / pixels_, 1, 16)),
        tiled_(pixels_ < kFewPixels && weight_.count() > kInputs * kPanel) {}

  void prepare(int64_t capacity, bool training, int threads) override {
    prepare_forward(capacity, threads);
    if (!training) return;
    // As many images as stay in a core's second cache (512 KiB of floats) while
    // every tile of weights reads them.
    constexpr int64_t kCached = 128 << 10;
    cached_ = std::clamp<int64_t>(kCached / image_floats(), 1, 16);
    if (weight_.gradient) {
      const int64_t max_chunks = Chunks::max_count(capacity, sum_floats());
      if (!tiled_) partial_.reserve(max_chunks * weight_.count());
      bias_partial_.reserve(max_chunks * kernels::padded(weight_.outputs));
      tiles_.reserve(threads * kInputs * kPanel);
    }
    if (x_.needs_gradient)
      transposed_.reserve(weight_.outputs * kernels::padded(x_.channels));
  }

  void forward(const Pass& pass) override {
    if (forward_by_images()) return Op::forward(pass);
    each_group(pass,
               [&](int64_t first, int64_t last) { output(pass, first, last); });
  }
  // Of fewer pixels a chunk may not fill the register blocks.
  bool forward_by_images() const override { return pixels_ >= kChunkPixels; }
  void forward_images(const Pass& pass, const Images& images) override {
    output(pass, images.first, images.last);
  }

  void backward(const Pass& pass) override {
    if (backward_by_images()) return Op::backward(pass);
    start_backward(pass);
    const Chunks chunks = Chunks::of(pass.count, sum_floats());
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk, int thread) {
      const int64_t first = chunks.first(chunk), last = chunks.last(chunk);
      for (int64_t n = first; n < last; n += cached_) {
        sum_weights(
            pass, {n, std::min(n + cached_, last), chunk, n == first, thread});
      }
    });
    if (x_.needs_gradient) {
      each_group(pass, [&](int64_t first, int64_t last) {
        input_gradient(pass, first, last);
      });
    }
    finish_backward(pass, chunks);
  }
  bool backward_by_images() const override { return pixels_ >= kChunkPixels; }
  void start_backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    transpose_panels(pass.kernels, weight_.value, weight_.inputs, 0,
                     weight_.inputs, weight_.outputs, transposed_.data(),
                     weight_.outputs, 0);
  }
  void backward_images(const Pass& pass, const Images& images) override {
    sum_weights(pass, images);
    if (x_.needs_gradient) input_gradient(pass, images.first, images.last);
  }
  void finish_backward(const Pass& pass, const Chunks& chunks) override {
    if (!pass.weight_gradients) return;
    if (tiled_) {
      sum_tiles(pass, Chunks::of(pass.count, weight_.count()));
    } else {
      reduce(pass, chunks);
    }
    reduce_bias(chunks.count);
  }

  int64_t sum_floats() const override {
    return tiled_ ? kernels::padded(weight_.outputs) : weight_.count();
  }
  int64_t bytes() const override {
    return ConvBase::bytes() + partial_.bytes() + transposed_.bytes();
  }

 private:
  // f(first, last) for images that are one task.
  template <class F>
  void each_group(const Pass& pass, const F& f) const {
    pass.pool.parallel_for((pass.count + group_ - 1) / group_, [&](int64_t i) {
      f(i * group_, std::min((i + 1) * group_, pass.count));
    });
  }

  void output(const Pass& pass, int64_t first, int64_t last) const {
    kernels::Convolution c{};
    c.weights = weight_.value;
    c.bias = bias_.value;
    c.relu = options_.relu;
    multiply(pass, x_.value, y_.value, first, last, c);
    for (int64_t n = first; n < last; ++n) drop(pass, n);
  }

  // The outputs' gradients in place, and what they add to those of the weights.
  void sum_weights(const Pass& pass, const Images& images) {
    float* bias = nullptr;
    if (pass.weight_gradients && bias_.gradient)
      bias = bias_of(images.chunk, images.starts_chunk);
    for (int64_t n = images.first; n < images.last; ++n) {
      if (options_.relu || bias) output_gradient(pass, n, bias);
    }
    if (tiled_ || !pass.weight_gradients) return;
    kernels::WeightGradient c = gradient(images.first, images.last);
    c.run = c.last_input = weight_.inputs;
    c.outputs = weight_.outputs;
    c.last_panel = kernels::panel_count(c.outputs);
    c.gradient = partial_.data() + images.chunk * weight_.count();
    c.accumulate = !images.starts_chunk;
    pass.kernels.weight_gradient(c);
  }

  // Whether the pixels of both are rows without borders.
  static bool merges(const Map& a, const Map& b) { return !a.pad && !b.pad; }
  int64_t pixel(const Map& map, bool merged) const {
    return merged && pixels_ == 1 ? map.image() : map.channels;
  }
  static int64_t line(const Map& map, bool merged) {
    return merged ? map.image() : map.row();
  }

  // to = from times the weights of `c`, of images [first, last).
  void multiply(const Pass& pass, const Map& from, const Map& to, int64_t first,
                int64_t last, kernels::Convolution c) const {
    const bool merged = merges(from, to);
    const int64_t images = last - first;
    c.x_pixel = pixel(from, merged);
    c.x_line = line(from, merged);
    c.y_pixel = pixel(to, merged);
    c.y_line = line(to, merged);
    c.rows = 1;
    c.run = from.channels;
    c.weights_panel = kPanel * c.run;
    c.outputs = to.channels;
    c.last_panel = kernels::panel_count(c.outputs);
    c.height = !merged ? height_ : pixels_ == 1 ? 1 : images;
    c.width = !merged ? width_ : pixels_ == 1 ? images : pixels_;
    for (int64_t n = first; n < (merged ? first + 1 : last); ++n) {
      c.x = from.at(n);
      c.y = to.at(n);
      pass.kernels.convolve(c);
    }
  }

  // What images [first, last) add to weights that the caller chooses.
  kernels::WeightGradient gradient(int64_t first, int64_t last) const {
    const Map &x = x_.value, &g = y_.gradient;
    const bool merged = merges(x, g);
    const int64_t images = last - first;
    kernels::WeightGradient c{};
    c.x = x.at(first);
    c.x_pixel = pixel(x, merged);
    c.x_line = line(x, merged);
    c.x_image = x.image();
    c.g = g.at(first);
    c.g_pixel = pixel(g, merged);
    c.g_line = line(g, merged);
    c.g_image = g.image();
    c.rows = 1;
    c.height = !merged ? height_ : pixels_ == 1 ? 1 : images;
    c.width = !merged ? width_ : pixels_ == 1 ? images : pixels_;
    c.images = merged ? 1 : images;
    return c;
  }

  void sum_tiles(const Pass& pass, const Chunks& chunks) {
    const int64_t inputs = weight_.inputs;
    const int64_t blocks = (inputs + kInputs - 1) / kInputs;
    const int64_t panels = kernels::panel_count(weight_.outputs);
    pass.pool.parallel_for(panels * blocks, [&](int64_t task, int thread) {
      const int64_t panel = task / blocks, first = task % blocks * kInputs;
      const int64_t width = kernels::panel_width(weight_.outputs, panel);
      const int64_t count = std::min(kInputs, inputs - first);
      float* to = weight_.gradient + panel * kPanel * inputs + first * width;
      float* tile = tiles_.data() + thread * kInputs * kPanel;
      for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
        kernels::WeightGradient c =
            gradient(chunks.first(chunk), chunks.last(chunk));
        c.x += first;
        c.g += panel * kPanel;
        c.run = c.last_input = count;
        c.outputs = std::min(width, weight_.outputs - panel * kPanel);
        c.last_panel = 1;
        c.gradient = chunk == 0 ? to : tile;
        pass.kernels.weight_gradient(c);
        if (chunk > 0) pass.kernels.add(to, tile, to, count * width);
      }
      weight_.clear_padding(panel, first, count);
    });
  }

  // The chunks' sums in their order.
  void reduce(const Pass& pass, const Chunks& chunks) {
    pass.pool.parallel_for(
        kernels::panel_count(weight_.outputs), [&](int64_t panel) {
          const int64_t size =
              weight_.inputs * kernels::panel_width(weight_.outputs, panel);
          const int64_t base = panel * kPanel * weight_.inputs;
          float* to = weight_.gradient + base;
          std::copy_n(partial_.data() + base, size, to);
          for (int64_t chunk = 1; chunk < chunks.count; ++chunk) {
            pass.kernels.add(
                to, partial_.data() + chunk * weight_.count() + base, to, size);
          }
          weight_.clear_padding(panel, 0, weight_.inputs);
        });
  }

  void input_gradient(const Pass& pass, int64_t first, int64_t last) const {
    kernels::Convolution c{};
    c.weights = transposed_.data();
    multiply(pass, y_.gradient, x_.gradient, first, last, c);
  }

  int64_t pixels_;      // of an image
  int64_t group_;       // images of a task
  bool tiled_;          // weights' gradients tile by tile
  int64_t cached_ = 1;  // images whose weights' gradients are one sum
  Buffer partial_;      // weight gradients of each chunk
  Buffer tiles_;        // of each thread
  Buffer transposed_;
};

}  // namespace

OpPtr make_pointwise_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                          Weight weight, Weight bias, uint32_t number) {
  return std::make_unique<PointwiseConv>(x, y, options, std::move(weight),
                                         std::move(bias), number);
}

}  // namespace digitnet::engine::native
