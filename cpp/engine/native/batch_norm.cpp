// Batch normalisation, with a ReLU or ReLU6 behind it in the same pass. Forward
// and backward are one affine map a channel once the sums over the batch are
// there:
//
//   y  = a x + b               a = scale / std, b = shift - mean a
//   dx = a g + by_x x + d      from sum(g) and sum(g (x - mean))
//
// Each is two passes over the maps, sums and affine map. Which gradients a
// rectifier lets pass is told from a x + b: y is not read. The sums of the
// statistics are those of differences from a pivot, the mean of a chunk's first
// image, so that one pass has both; a pivot far from the mean makes the
// variance large, too, and their difference loses little.
//
// Source: Ioffe, Szegedy, ICML 2015. A batch of two domains is normalised part
// by part, each by its own statistics; the second's are kept, for that is where
// the network will work. Source: Chang et al., "Domain-specific batch
// normalization", CVPR 2019.
#include <algorithm>
#include <cmath>

#include "engine/executor.h"
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
    sums_.resize(2 * channels_);
    partial_.reserve(Chunks::max_count(capacity, columns()) * columns());
    for (Buffer* buffer : {&mean_, &inverse_std_, &a_, &b_, &by_x_, &d_})
      buffer->reserve(kMaxParts * channels_);
  }

  void forward(const Pass& pass) override {
    const bool adapts = pass.statistics_momentum > 0;
    batch_ = adapts || (pass.training && !scale_.frozen() && !shift_.frozen());
    divide(pass);
    if (batch_) {
      for (int64_t p = 0; p < parts_; ++p) measure(pass, part(p));
      move_running(adapts ? pass.statistics_momentum : momentum_);
    } else {
      for (int64_t c = 0; c < channels_; ++c) {
        mean_.data()[c] = running_mean_[order(c)];
        inverse_std_.data()[c] = 1 / std::sqrt(running_variance_[order(c)] +
                                               static_cast<float>(epsilon_));
      }
    }
    for (int64_t i = 0; i < parts_ * channels_; ++i) {
      const int64_t c = i % channels_;
      a_.data()[i] = scale_.value[c] * inverse_std_.data()[i];
      b_.data()[i] = shift_.value[c] - mean_.data()[i] * a_.data()[i];
    }
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      each_run(x_.value, y_.value, [&](int64_t row, int64_t count) {
        pass.kernels.affine(at(x_.value, n, row), of(a_, n), of(b_, n), count,
                            channels_, rectifier_, at(y_.value, n, row));
      });
    });
  }

  void backward(const Pass& pass) override {
    if (!batch_) {
      std::fill_n(by_x_.data(), channels_, 0.0f);
      std::fill_n(d_.data(), channels_, 0.0f);
    }
    if (batch_ || pass.weight_gradients) {
      for (int64_t p = 0; p < parts_; ++p) sum_gradients(pass, part(p));
    }
    if (!x_.needs_gradient) return;
    pass.pool.parallel_for(pass.count, [&](int64_t n) {
      each_run(y_.gradient, x_.gradient, [&](int64_t row, int64_t count) {
        pass.kernels.affine_gradient(gradient(n, row, count), of(by_x_, n),
                                     of(d_, n), at(x_.gradient, n, row));
      });
    });
  }

  int64_t bytes() const override { return partial_.bytes(); }

 private:
  // Images that are normalised together.
  struct Part {
    int64_t index, first, count;
  };
  static constexpr int64_t kMaxParts = 2;

  void divide(const Pass& pass) {
    const int64_t labelled = pass.batch ? pass.batch->labelled : -1;
    const bool both = batch_ && labelled >= 2 && pass.count - labelled >= 2;
    parts_ = both ? kMaxParts : 1;
    first_part_ = both ? labelled : pass.count;
    count_ = pass.count;
  }
  Part part(int64_t index) const {
    if (index == 0) return {0, 0, first_part_};
    return {1, first_part_, count_ - first_part_};
  }
  // What a buffer has of image n's part.
  const float* of(const Buffer& buffer, int64_t n) const {
    return buffer.data() + (n < first_part_ ? 0 : channels_);
  }

  // Flat features are one pixel of one row.
  float* at(const Map& map, int64_t n, int64_t row) const {
    return x_.shape.flat ? map.at(n) : map.at(n, row);
  }
  // f(row, pixels) for pixels of an image that lie side by side in x and in
  // both maps: rows, or where none has a border all of them.
  template <class F>
  void each_run(const Map& a, const Map& b, const F& f) const {
    if (pixels_ == 1 || !(x_.value.pad || a.pad || b.pad)) return f(0, pixels_);
    for (int64_t row = 0; row < x_.height; ++row) f(row, x_.width);
  }

  // The model's index of channel c.
  int64_t order(int64_t c) const {
    if (!x_.shape.flat) return c;
    const int64_t area = x_.height * x_.width;
    return c % x_.channels * area + c / x_.channels;
  }

  // The output's gradient of `count` pixels, through the rectifier.
  kernels::AffineGradient gradient(int64_t n, int64_t row,
                                   int64_t count) const {
    return {at(x_.value, n, row),
            at(y_.gradient, n, row),
            of(a_, n),
            of(b_, n),
            count,
            channels_,
            rectifier_};
  }

  // Of a chunk's partial sums: a pivot and two sums, channel by channel.
  int64_t columns() const { return 3 * channels_; }
  Chunks chunks(const Part& part) const {
    return Chunks::of(part.count, columns());
  }

  // Mean and standard deviation of a part; afterwards sums_ has the squares.
  void measure(const Pass& pass, const Part& part) {
    const Chunks chunks = this->chunks(part);
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk) {
      const int64_t first = part.first + chunks.first(chunk);
      float* pivot = partial_.data() + chunk * columns();
      std::fill_n(pivot, columns(), 0.0f);
      each_run(x_.value, x_.value, [&](int64_t row, int64_t count) {
        pass.kernels.column_sums(at(x_.value, first, row), count, channels_,
                                 channels_, pivot);
      });
      for (int64_t c = 0; c < channels_; ++c)
        pivot[c] /= static_cast<float>(pixels_);
      for (int64_t n = first; n < part.first + chunks.last(chunk); ++n) {
        each_run(x_.value, x_.value, [&](int64_t row, int64_t count) {
          pass.kernels.column_moments(at(x_.value, n, row), pivot, count,
                                      channels_, pivot + channels_,
                                      pivot + 2 * channels_);
        });
      }
    });
    join_moments(part, chunks);
  }

  void join_moments(const Part& part, const Chunks& chunks) {
    const double total = static_cast<double>(part.count * pixels_);
    std::fill(sums_.begin(), sums_.end(), 0.0);
    const auto each_chunk = [&](const auto& f) {
      for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
        const int64_t images = chunks.last(chunk) - chunks.first(chunk);
        const float* partial = partial_.data() + chunk * columns();
        for (int64_t c = 0; c < channels_; ++c)
          f(c, static_cast<double>(images * pixels_), partial + c);
      }
    };
    double* squares = sums_.data();
    double* mean = sums_.data() + channels_;
    each_chunk([&](int64_t c, double count, const float* partial) {
      mean[c] += count * partial[0] + partial[channels_];
    });
    for (int64_t c = 0; c < channels_; ++c) mean[c] /= total;
    each_chunk([&](int64_t c, double count, const float* partial) {
      const double off = partial[0] - mean[c];
      squares[c] +=
          partial[2 * channels_] + off * (2 * partial[channels_] + off * count);
    });
    const int64_t start = part.index * channels_;
    for (int64_t c = 0; c < channels_; ++c) {
      squares[c] = std::max(0.0, squares[c]);  // rounding can leave less
      mean_.data()[start + c] = static_cast<float>(mean[c]);
      inverse_std_.data()[start + c] =
          static_cast<float>(1 / std::sqrt(squares[c] / total + epsilon_));
    }
  }

  // Towards the statistics of the part that was measured last.
  void move_running(double momentum) {
    const Part last = part(parts_ - 1);
    const double count = static_cast<double>(last.count * pixels_);
    const auto move = [&](float& running, double value) {
      running = static_cast<float>((1 - momentum) * running + momentum * value);
    };
    for (int64_t c = 0; c < channels_; ++c) {
      const double unbiased = sums_[c] / std::max(1.0, count - 1);
      move(running_mean_[order(c)], mean_.data()[last.index * channels_ + c]);
      move(running_variance_[order(c)], unbiased);
    }
  }

  // The weights' gradients, and a part's map from g and x to dx.
  void sum_gradients(const Pass& pass, const Part& part) {
    const int64_t start = part.index * channels_;
    const float* mean = mean_.data() + start;
    const Chunks chunks = this->chunks(part);
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk) {
      float* partial = partial_.data() + chunk * columns();
      std::fill_n(partial, columns(), 0.0f);
      for (int64_t n = chunks.first(chunk); n < chunks.last(chunk); ++n) {
        each_run(y_.gradient, y_.gradient, [&](int64_t row, int64_t count) {
          pass.kernels.column_products(gradient(part.first + n, row, count),
                                       mean, partial, partial + channels_);
        });
      }
    });
    std::fill(sums_.begin(), sums_.end(), 0.0);
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      for (int64_t c = 0; c < 2 * channels_; ++c)
        sums_[c] += partial_.data()[chunk * columns() + c];
    }
    const double count = static_cast<double>(part.count * pixels_);
    for (int64_t c = 0; c < channels_; ++c) {
      const double g = sums_[c], product = sums_[channels_ + c];
      const double inverse_std = inverse_std_.data()[start + c];
      if (pass.weight_gradients) {
        const bool adds = part.index > 0;
        shift_.gradient[c] =
            static_cast<float>(g + (adds ? shift_.gradient[c] : 0));
        scale_.gradient[c] = static_cast<float>(
            product * inverse_std + (adds ? scale_.gradient[c] : 0));
      }
      if (!batch_) continue;
      // a g + by_x x + d is scale * inverse_std * (g - mean(g) - z mean(g z)).
      const double a = a_.data()[start + c];
      const double by_x = -a * inverse_std * inverse_std * product / count;
      by_x_.data()[start + c] = static_cast<float>(by_x);
      d_.data()[start + c] =
          static_cast<float>(-a * g / count - by_x * mean[c]);
    }
  }

  Tensor &x_, &y_;
  double momentum_, epsilon_;
  Rectifier rectifier_;
  Weight scale_, shift_;
  float *running_mean_, *running_variance_;
  int64_t channels_, pixels_;
  // Of the last forward pass: whether it measured the batch, and its parts.
  bool batch_ = false;
  int64_t parts_ = 1, first_part_ = 0, count_ = 0;
  Buffer partial_;
  Buffer mean_, inverse_std_, a_, b_, by_x_, d_;  // [kMaxParts, channels]
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
