// The backward pass of a convolution without a pool behind it: dense sums.
#include <algorithm>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

class PlainConv : public ConvBase {
 public:
  PlainConv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
            Weight bias, uint32_t number)
      : ConvBase(x, y, options, std::move(weight), std::move(bias), number) {
    // The input's gradient is a convolution of the output's with the weights
    // flipped and transposed, unless strides or a padding wider than the window
    // leave gaps: then each pixel scatters into its window; or, where each
    // would read more weights than a cache holds, tap by tap all pixels do.
    const int64_t flip_pad = options.kernel - 1 - options.padding;
    flips_ = options.stride == 1 && flip_pad >= 0;
    by_taps_ = !flips_ && weight_.count() > kLargeWeights;
    if (flips_) {
      y.need_gradient_pad(flip_pad);
    } else {
      x.need_gradient_pad(options.padding);
    }
  }

  void prepare(int64_t capacity, bool training, int threads) override {
    prepare_forward(capacity, threads);
    if (!training) return;
    if (weight_.gradient) {
      const int64_t max_chunks = Chunks::max_count(capacity, weight_.count());
      partial_.reserve(max_chunks * weight_.count());
      bias_partial_.reserve(max_chunks * kernels::padded(weight_.outputs));
    }
    if (!x_.needs_gradient) return;
    const int64_t k = options_.kernel;
    transposed_.reserve(flips_ || by_taps_ ? k * k * weight_.outputs *
                                                 kernels::padded(x_.channels)
                                           : weight_.outputs * k * run_padded_);
    if (flips_ || by_taps_) return;
    offsets_.resize(threads * weight_.outputs);
    factors_.resize(threads * weight_.outputs);
  }

  void backward(const Pass& pass) override {
    Op::backward(pass);
    if (by_taps_ && x_.needs_gradient) scatter_taps(pass);
  }
  bool backward_by_images() const override { return !by_taps_; }
  void start_backward(const Pass& pass) override {
    if (x_.needs_gradient && !by_taps_) transpose_weights(pass);
  }
  void backward_images(const Pass& pass, const Images& images) override {
    sum_weights(pass, images);
    if (!x_.needs_gradient || by_taps_) return;
    for (int64_t n = images.first; n < images.last; ++n) {
      if (flips_) {
        flip(pass, n);
      } else {
        scatter(pass, n, images.thread);
      }
    }
  }
  void finish_backward(const Pass& pass, const Chunks& chunks) override {
    if (!pass.weight_gradients) return;
    reduce(pass, chunks);
    reduce_bias(chunks.count);
  }
  int64_t sum_floats() const override { return weight_.count(); }

  int64_t bytes() const override {
    return ConvBase::bytes() + partial_.bytes() + transposed_.bytes();
  }

 private:
  // The outputs' gradients in place, and what they add to those of the weights.
  void sum_weights(const Pass& pass, const Images& images) {
    float* bias = pass.weight_gradients
                      ? bias_of(images.chunk, images.starts_chunk)
                      : nullptr;
    for (int64_t n = images.first; n < images.last; ++n)
      output_gradient(pass, n, bias_.gradient ? bias : nullptr);
    if (!pass.weight_gradients) return;
    weight_gradient(pass, images.first, images.last - images.first,
                    partial_.data() + images.chunk * weight_.count(),
                    !images.starts_chunk);
  }

  void weight_gradient(const Pass& pass, int64_t n, int64_t images,
                       float* partial, bool accumulate) const {
    const Map &x = x_.value, &g = y_.gradient;
    kernels::WeightGradient c{};
    c.x = window(x, n, options_.padding);
    c.x_pixel = options_.stride * x.channels;
    c.x_line = options_.stride * x.row();
    c.x_row = x.row();
    c.rows = options_.kernel;
    c.run = run_;
    c.g = g.at(n);
    c.g_pixel = g.channels;
    c.g_line = g.row();
    c.outputs = weight_.outputs;
    c.last_panel = kernels::panel_count(c.outputs);
    c.last_input = run_;
    c.height = height_;
    c.width = width_;
    c.images = images;
    c.x_image = x.image();
    c.g_image = g.image();
    c.gradient = partial;
    c.accumulate = accumulate;
    pass.kernels.weight_gradient(c);
  }

  // The chunks' sums in their order; padding columns stay zero.
  void reduce(const Pass& pass, const Chunks& chunks) {
    const int64_t inputs = options_.kernel * run_, outputs = weight_.outputs;
    const int64_t k = options_.kernel;
    pass.pool.parallel_for(
        kernels::panel_count(outputs) * k, [&](int64_t task) {
          const int64_t panel = task / k;
          const int64_t width = kernels::panel_width(outputs, panel);
          const int64_t base =
              panel * kernels::kPanel * inputs + task % k * run_ * width;
          float* to = weight_.gradient + base;
          std::copy_n(partial_.data() + base, run_ * width, to);
          for (int64_t chunk = 1; chunk < chunks.count; ++chunk) {
            pass.kernels.add(to,
                             partial_.data() + chunk * weight_.count() + base,
                             to, run_ * width);
          }
          weight_.clear_padding(panel, task % k * run_, run_);
        });
  }

  // The weights as the input's gradient reads them: of a convolution from
  // outputs to inputs with the taps reversed, or output by output.
  void transpose_weights(const Pass& pass) {
    const int64_t k = options_.kernel, taps = k * k, inputs = x_.channels;
    const int64_t outputs = weight_.outputs;
    float* to = transposed_.data();
    pass.pool.parallel_for(taps, [&](int64_t tap) {
      if (flips_) {
        transpose_panels(pass.kernels, weight_.value, taps * inputs,
                         tap * inputs, inputs, outputs, to, taps * outputs,
                         (taps - 1 - tap) * outputs);
        return;
      }
      for (int64_t o = 0; o < outputs; o += kernels::kPanel) {
        const int64_t width =
            kernels::panel_width(outputs, o / kernels::kPanel);
        pass.kernels.transpose(
            weight_.value + (o * taps + tap * width) * inputs, inputs,
            std::min(width, outputs - o), width,
            to + (o * k + tap / k) * run_padded_ + tap % k * inputs,
            k * run_padded_);
      }
    });
  }

  // The input's gradient as a convolution of the output's.
  void flip(const Pass& pass, int64_t n) {
    const Map &g = y_.gradient, &dx = x_.gradient;
    const int64_t k = options_.kernel;
    kernels::Convolution c{};
    c.x = window(g, n, k - 1 - options_.padding);
    c.x_pixel = g.channels;
    c.x_line = c.x_row = g.row();
    c.rows = k;
    c.run = k * g.channels;
    c.weights = transposed_.data();
    c.weights_panel = kernels::kPanel * c.rows * c.run;
    c.outputs = dx.channels;
    c.last_panel = kernels::panel_count(c.outputs);
    c.height = dx.height;
    c.width = dx.width;
    c.y = dx.at(n);
    c.y_pixel = dx.channels;
    c.y_line = dx.row();
    pass.kernels.convolve(c);
  }

  // Each tap's product of all gradients is added where the tap reads x.
  void scatter_taps(const Pass& pass) {
    const Map &g = y_.gradient, &dx = x_.gradient;
    const int64_t k = options_.kernel, s = options_.stride;
    const int64_t inputs = x_.channels, outputs = weight_.outputs;
    const int64_t tap_weights = outputs * kernels::padded(inputs);
    pass.pool.parallel_for(k * k, [&](int64_t tap) {
      transpose_panels(pass.kernels, weight_.value, k * k * inputs,
                       tap * inputs, inputs, outputs,
                       transposed_.data() + tap * tap_weights, outputs, 0);
    });
    pass.pool.parallel_for(pass.count, [&](int64_t n) { dx.clear(n); });
    const int64_t groups = (pass.count + kServed - 1) / kServed;
    pass.pool.parallel_for(
        kernels::panel_count(inputs) * groups, [&](int64_t task) {
          kernels::Convolution c =
              product(nullptr, g.width, outputs, nullptr, inputs, nullptr);
          c.first_panel = task / groups;
          c.last_panel = c.first_panel + 1;
          c.height = g.height;
          c.x_line = g.row();
          c.y_pixel = s * inputs;
          c.y_line = s * dx.row();
          c.accumulate = true;
          const int64_t first = task % groups * kServed;
          const int64_t last = std::min(first + kServed, pass.count);
          for (int64_t tap = 0; tap < k * k; ++tap) {
            c.weights = transposed_.data() + tap * tap_weights;
            for (int64_t n = first; n < last; ++n) {
              c.x = g.at(n);
              c.y = window(dx, n, options_.padding) + tap / k * dx.row() +
                    tap % k * inputs;
              pass.kernels.convolve(c);
            }
          }
        });
    pass.pool.parallel_for(pass.count, [&](int64_t n) { clear_border(dx, n); });
  }

  // The same with strides: each pixel scatters its gradient over its window.
  void scatter(const Pass& pass, int64_t n, int thread) {
    const Map &g = y_.gradient, &dx = x_.gradient;
    const kernels::Terms terms{offsets_.data() + thread * weight_.outputs,
                               factors_.data() + thread * weight_.outputs};
    dx.clear(n);
    float* start = window(dx, n, options_.padding);
    for (int64_t pixel = 0; pixel < g.height * g.width; ++pixel) {
      const int64_t y = pixel / g.width, x = pixel % g.width;
      const float* from = g.at(n, y) + x * g.channels;
      int32_t count = 0;
      for (int64_t o = 0; o < g.channels; ++o) {
        terms.offsets[count] =
            static_cast<int32_t>(o * options_.kernel * run_padded_);
        terms.factors[count] = from[o];
        count += from[o] != 0;
      }
      kernels::Gather sum{};
      sum.terms = terms;
      sum.counts = &count;
      sum.source = transposed_.data();
      sum.source_row = run_padded_;
      sum.target = start + options_.stride * (y * dx.row() + x * dx.channels);
      sum.target_row = dx.row();
      sum.rows = options_.kernel;
      sum.run = run_;
      sum.sums = 1;
      pass.kernels.gather(sum);
    }
    clear_border(dx, n);
  }

  bool flips_;      // the input's gradient is a convolution
  bool by_taps_;    // or a sum of products, one a tap
  Buffer partial_;  // weight gradients of each chunk
  Buffer transposed_;
  std::vector<int32_t> offsets_;  // terms of each thread
  std::vector<float> factors_;
};

}  // namespace

OpPtr make_plain_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number) {
  return std::make_unique<PlainConv>(x, y, options, std::move(weight),
                                     std::move(bias), number);
}

}  // namespace digitnet::engine::native
