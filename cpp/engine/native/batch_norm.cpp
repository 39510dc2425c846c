// Batch normalisation, with a ReLU or ReLU6 behind it in the same pass. Forward
// and backward are one affine map a channel once the sums over the batch are
// there:
//
//   y  = a x + b             a = scale / std, b = shift - mean a
//   dx = a g + b x + d       from sum(g) and sum(g (x - mean))
//
// Source: Ioffe, Szegedy, ICML 2015.
#include <algorithm>
#include <cmath>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

using kernels::Rectifier;

class BatchNorm : public Op {
 public:
  BatchNorm(Tensor& x, Tensor& y, double momentum, double epsilon,
            Rectifier rectifier, Weight scale, Weight shift, float* mean,
            float* variance)
      : x_(x),
        y_(y),
        momentum_(momentum),
        epsilon_(epsilon),
        rectifier_(rectifier),
        scale_(std::move(scale)),
        shift_(std::move(shift)),
        running_mean_(mean),
        running_variance_(variance),
        channels_(x.channels * (x.shape.flat ? x.height * x.width : 1)),
        pixels_(x.shape.flat ? 1 : x.height * x.width) {}

  std::vector<Weight*> weights() override { return {&scale_, &shift_}; }

  void prepare(int64_t capacity, bool, int) override {
    const int64_t chunks = Chunks::max_count(capacity, 2 * channels_);
    sums_.resize(2 * channels_);
    partial_.reserve(chunks * 2 * channels_);
    for (Buffer* buffer : {&mean_, &inverse_std_, &a_, &b_, &d_})
      buffer->reserve(channels_);
  }

  void forward(const Pass& pass) override {
    batch_ = pass.training && !scale_.frozen() && !shift_.frozen();
    if (batch_) {
      measure(pass);
    } else {
      for (int64_t c = 0; c < channels_; ++c) {
        mean_.data()[c] = running_mean_[order(c)];
        inverse_std_.data()[c] = 1 / std::sqrt(running_variance_[order(c)] +
                                               static_cast<float>(epsilon_));
      }
    }
    for (int64_t c = 0; c < channels_; ++c) {
      a_.data()[c] = scale_.value[c] * inverse_std_.data()[c];
      b_.data()[c] = shift_.value[c] - mean_.data()[c] * a_.data()[c];
    }
    each_row(pass, [&](int64_t n, int64_t row) {
      pass.kernels.affine(at(x_.value, n, row), a_.data(), b_.data(), width(),
                          channels_, rectifier_, at(y_.value, n, row));
    });
  }

  void backward(const Pass& pass) override {
    if (rectifier_ != Rectifier::None) {
      each_row(pass, [&](int64_t n, int64_t row) {
        const float* y = at(y_.value, n, row);
        float* g = at(y_.gradient, n, row);
        const int64_t count = width() * channels_;
        if (rectifier_ == Rectifier::Relu) {
          pass.kernels.relu_gradient(y, g, 1, g, count);
        } else {
          pass.kernels.relu6_gradient(y, g, g, count);
        }
      });
    }
    const Chunks chunks = Chunks::of(pass.count, 2 * channels_);
    const auto& sums =
        sum_over(pass, chunks, 2, [&](int64_t n, int64_t row, float* to) {
          pass.kernels.column_products(at(x_.value, n, row), mean_.data(),
                                       at(y_.gradient, n, row), width(),
                                       channels_, to, to + channels_);
        });
    const double count = static_cast<double>(pass.count * pixels_);
    for (int64_t c = 0; c < channels_; ++c) {
      const double g = sums[c], product = sums[channels_ + c];
      const double inverse_std = inverse_std_.data()[c];
      shift_.gradient[c] = static_cast<float>(g);
      scale_.gradient[c] = static_cast<float>(product * inverse_std);
      if (!batch_) {
        b_.data()[c] = d_.data()[c] = 0;
        continue;
      }
      // a g + b x + d is scale * inverse_std * (g - mean(g) - z mean(g z)).
      const double a = a_.data()[c];
      const double by_x = -a * inverse_std * inverse_std * product / count;
      b_.data()[c] = static_cast<float>(by_x);
      d_.data()[c] =
          static_cast<float>(-a * g / count - by_x * mean_.data()[c]);
    }
    if (!x_.needs_gradient) return;
    each_row(pass, [&](int64_t n, int64_t row) {
      pass.kernels.affine_gradient(
          at(y_.gradient, n, row), at(x_.value, n, row), a_.data(), b_.data(),
          d_.data(), width(), channels_, at(x_.gradient, n, row));
    });
  }

  int64_t bytes() const override { return partial_.bytes(); }

 private:
  // Flat features are one pixel of one row.
  float* at(const Map& map, int64_t n, int64_t row) const {
    return x_.shape.flat ? map.at(n) : map.at(n, row);
  }
  int64_t rows() const { return x_.shape.flat ? 1 : x_.height; }
  int64_t width() const { return x_.shape.flat ? 1 : x_.width; }

  // The model's index of channel c.
  int64_t order(int64_t c) const {
    if (!x_.shape.flat) return c;
    const int64_t area = x_.height * x_.width;
    return c % x_.channels * area + c / x_.channels;
  }

  template <class F>
  void each_row(const Pass& pass, const F& f) const {
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      for (int64_t row = 0; row < rows(); ++row) f(n, row);
    });
  }

  // Sums of all images, `columns` times channels, in an order of its own.
  template <class F>
  const std::vector<double>& sum_over(const Pass& pass, const Chunks& chunks,
                                      int64_t columns, const F& f) {
    const int64_t size = columns * channels_;
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk) {
      float* partial = partial_.data() + chunk * size;
      std::fill_n(partial, size, 0.0f);
      const int64_t first = chunk * chunks.images;
      const int64_t last = std::min(first + chunks.images, pass.count);
      for (int64_t n = first; n < last; ++n) {
        for (int64_t row = 0; row < rows(); ++row) f(n, row, partial);
      }
    });
    std::fill(sums_.begin(), sums_.end(), 0.0);
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      for (int64_t c = 0; c < size; ++c)
        sums_[c] += partial_.data()[chunk * size + c];
    }
    return sums_;
  }

  void measure(const Pass& pass) {
    const Chunks chunks = Chunks::of(pass.count, 2 * channels_);
    const double count = static_cast<double>(pass.count * pixels_);
    const auto& sums =
        sum_over(pass, chunks, 1, [&](int64_t n, int64_t row, float* to) {
          pass.kernels.column_sums(at(x_.value, n, row), width(), channels_,
                                   channels_, to);
        });
    for (int64_t c = 0; c < channels_; ++c)
      mean_.data()[c] = static_cast<float>(sums[c] / count);
    const auto& squares =
        sum_over(pass, chunks, 1, [&](int64_t n, int64_t row, float* to) {
          pass.kernels.column_squares(at(x_.value, n, row), mean_.data(),
                                      width(), channels_, to);
        });
    for (int64_t c = 0; c < channels_; ++c) {
      const double variance = squares[c] / count;
      inverse_std_.data()[c] =
          static_cast<float>(1 / std::sqrt(variance + epsilon_));
      const double unbiased = count > 1 ? squares[c] / (count - 1) : variance;
      move(running_mean_[order(c)], mean_.data()[c]);
      move(running_variance_[order(c)], unbiased);
    }
  }

  void move(float& running, double value) const {
    running = static_cast<float>((1 - momentum_) * running + momentum_ * value);
  }

  Tensor &x_, &y_;
  double momentum_, epsilon_;
  Rectifier rectifier_;
  Weight scale_, shift_;
  float *running_mean_, *running_variance_;
  int64_t channels_, pixels_;
  bool batch_ = false;  // the last forward pass measured the batch
  Buffer partial_, mean_, inverse_std_;
  Buffer a_, b_, d_;
  std::vector<double> sums_;
};

}  // namespace

OpPtr make_batch_norm(Tensor& x, Tensor& y, double momentum, double epsilon,
                      Rectifier rectifier, Weight scale, Weight shift,
                      float* mean, float* variance) {
  return std::make_unique<BatchNorm>(x, y, momentum, epsilon, rectifier,
                                     std::move(scale), std::move(shift), mean,
                                     variance);
}

}  // namespace digitnet::engine::native
