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
#include <memory>

#include "engine/executor.h"
#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

using kernels::Rectifier;

// What both operations share.
class BatchNorm {
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

  std::vector<Weight*> weights() { return {&scale_, &shift_}; }

  void prepare(int64_t capacity) {
    sums_.resize(2 * channels_);
    partial_.reserve(Chunks::max_count(capacity, sum_floats()) * sum_floats());
    for (Buffer* buffer : {&mean_, &inverse_std_, &a_, &b_, &by_x_, &d_})
      buffer->reserve(kMaxParts * channels_);
  }

  // Of a chunk's partial sums, with slack behind them: a vector that reaches
  // beyond them must not read what another thread writes.
  int64_t sum_floats() const { return kMaxParts * columns() + kVectorFloats; }
  int64_t image_floats() const { return x_.value.image() + y_.value.image(); }
  int64_t bytes() const { return partial_.bytes(); }
  bool by_batch() const { return batch_; }
  bool needs_gradient() const { return x_.needs_gradient; }

  // Statistics: of the batch, or the running ones.
  void start_forward(const Pass& pass) {
    adapts_ = pass.statistics_momentum > 0;
    batch_ = adapts_ || (pass.training && !scale_.frozen() && !shift_.frozen());
    divide(pass);
    if (batch_) return;
    for (int64_t c = 0; c < channels_; ++c) {
      mean_.data()[c] = running_mean_[order(c)];
      inverse_std_.data()[c] = 1 / std::sqrt(running_variance_[order(c)] +
                                             static_cast<float>(epsilon_));
    }
    set_map();
  }
  void measure(const Pass& pass, const Images& images) {
    if (!batch_) return;
    if (images.starts_chunk) clear_sums(images.chunk);
    for (int64_t n = images.first; n < images.last; ++n) {
      float* pivot = sums_of(images.chunk, n);
      if ((n == images.first && images.starts_chunk) || n == first_part_)
        set_pivot(pass, n, pivot);
      each_run(x_.value, x_.value, [&](int64_t row, int64_t count) {
        pass.kernels.column_moments(at(x_.value, n, row), pivot, count,
                                    channels_, pivot + channels_,
                                    pivot + 2 * channels_);
      });
    }
  }
  void finish_forward(const Pass& pass, const Chunks& chunks) {
    if (!batch_) return;
    for (int64_t p = 0; p < parts_; ++p) join_moments(part(p), chunks);
    move_running(adapts_ ? pass.statistics_momentum : momentum_);
    set_map();
  }

  void normalise(const Pass& pass, const Images& images) const {
    for (int64_t n = images.first; n < images.last; ++n) {
      each_run(x_.value, y_.value, [&](int64_t row, int64_t count) {
        pass.kernels.affine(at(x_.value, n, row), of(a_, n), of(b_, n), count,
                            channels_, rectifier_, at(y_.value, n, row));
      });
    }
  }

  // The weights' gradients, and the map from g and x to dx.
  void start_backward(const Pass& pass) {
    sums_gradients_ = batch_ || pass.weight_gradients;
    if (batch_) return;
    std::fill_n(by_x_.data(), channels_, 0.0f);
    std::fill_n(d_.data(), channels_, 0.0f);
  }
  void sum_gradients(const Pass& pass, const Images& images) {
    if (!sums_gradients_) return;
    if (images.starts_chunk) clear_sums(images.chunk);
    for (int64_t n = images.first; n < images.last; ++n) {
      float* sums = sums_of(images.chunk, n);
      each_run(y_.gradient, y_.gradient, [&](int64_t row, int64_t count) {
        pass.kernels.column_products(gradient(n, row, count), of(mean_, n),
                                     sums, sums + channels_);
      });
    }
  }
  void finish_backward(const Pass& pass, const Chunks& chunks) {
    if (!sums_gradients_) return;
    for (int64_t p = 0; p < parts_; ++p) join_gradients(pass, part(p), chunks);
  }

  void input_gradient(const Pass& pass, const Images& images) const {
    for (int64_t n = images.first; n < images.last; ++n) {
      each_run(y_.gradient, x_.gradient, [&](int64_t row, int64_t count) {
        pass.kernels.affine_gradient(gradient(n, row, count), of(by_x_, n),
                                     of(d_, n), at(x_.gradient, n, row));
      });
    }
  }

 private:
  // Images that are normalised together.
  struct Part {
    int64_t index, first, count;
  };
  static constexpr int64_t kMaxParts = 2;
  static constexpr int64_t kVectorFloats = 16;  // of the widest kernels

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

  // What a chunk has of a part: a pivot and two sums, channel by channel.
  int64_t columns() const { return 3 * channels_; }
  float* sums_of(int64_t chunk, int64_t n) {
    return partial_.data() + chunk * sum_floats() +
           (n < first_part_ ? 0 : columns());
  }
  void clear_sums(int64_t chunk) {
    std::fill_n(partial_.data() + chunk * sum_floats(), parts_ * columns(),
                0.0f);
  }
  void set_pivot(const Pass& pass, int64_t n, float* pivot) const {
    each_run(x_.value, x_.value, [&](int64_t row, int64_t count) {
      pass.kernels.column_sums(at(x_.value, n, row), count, channels_,
                               channels_, pivot);
    });
    for (int64_t c = 0; c < channels_; ++c)
      pivot[c] /= static_cast<float>(pixels_);
  }

  // f(images, sums) for what each chunk has of a part.
  template <class F>
  void each_sum(const Part& part, const Chunks& chunks, const F& f) const {
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      const int64_t first = std::max(part.first, chunks.first(chunk));
      const int64_t last =
          std::min(part.first + part.count, chunks.last(chunk));
      if (first < last)
        f(last - first,
          partial_.data() + chunk * sum_floats() + part.index * columns());
    }
  }

  // Mean and standard deviation of a part; afterwards sums_ has the squares.
  void join_moments(const Part& part, const Chunks& chunks) {
    const double total = static_cast<double>(part.count * pixels_);
    std::fill(sums_.begin(), sums_.end(), 0.0);
    double* squares = sums_.data();
    double* mean = sums_.data() + channels_;
    each_sum(part, chunks, [&](int64_t images, const float* partial) {
      const double count = static_cast<double>(images * pixels_);
      for (int64_t c = 0; c < channels_; ++c)
        mean[c] += count * partial[c] + partial[channels_ + c];
    });
    for (int64_t c = 0; c < channels_; ++c) mean[c] /= total;
    each_sum(part, chunks, [&](int64_t images, const float* partial) {
      const double count = static_cast<double>(images * pixels_);
      for (int64_t c = 0; c < channels_; ++c) {
        const double off = partial[c] - mean[c];
        squares[c] += partial[2 * channels_ + c] +
                      off * (2 * partial[channels_ + c] + off * count);
      }
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

  // y = a x + b
  void set_map() {
    for (int64_t i = 0; i < parts_ * channels_; ++i) {
      const int64_t c = i % channels_;
      a_.data()[i] = scale_.value[c] * inverse_std_.data()[i];
      b_.data()[i] = shift_.value[c] - mean_.data()[i] * a_.data()[i];
    }
  }

  void join_gradients(const Pass& pass, const Part& part,
                      const Chunks& chunks) {
    const int64_t start = part.index * channels_;
    const float* mean = mean_.data() + start;
    std::fill(sums_.begin(), sums_.end(), 0.0);
    each_sum(part, chunks, [&](int64_t, const float* partial) {
      for (int64_t c = 0; c < 2 * channels_; ++c) sums_[c] += partial[c];
    });
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
  bool batch_ = false, adapts_ = false;
  int64_t parts_ = 1, first_part_ = 0, count_ = 0;
  bool sums_gradients_ = false;  // of the last backward pass
  Buffer partial_;
  Buffer mean_, inverse_std_, a_, b_, by_x_, d_;  // [kMaxParts, channels]
  std::vector<double> sums_;
};

// The statistics of x; and the last of x's gradient.
class Statistics : public Op {
 public:
  explicit Statistics(std::shared_ptr<BatchNorm> norm)
      : norm_(std::move(norm)) {}

  bool forward_by_images() const override { return true; }
  void start_forward(const Pass& pass) override { norm_->start_forward(pass); }
  void forward_images(const Pass& pass, const Images& images) override {
    norm_->measure(pass, images);
  }
  void finish_forward(const Pass& pass, const Chunks& chunks) override {
    norm_->finish_forward(pass, chunks);
  }
  bool forward_waits() const override { return norm_->by_batch(); }

  bool backward_by_images() const override { return true; }
  void backward_images(const Pass& pass, const Images& images) override {
    if (norm_->needs_gradient()) norm_->input_gradient(pass, images);
  }
  int64_t sum_floats() const override { return norm_->sum_floats(); }
  int64_t image_floats() const override { return norm_->image_floats(); }

 private:
  std::shared_ptr<BatchNorm> norm_;
};

// From x to y by them; and the sums that x's gradient is made from.
class Normalise : public Op {
 public:
  explicit Normalise(std::shared_ptr<BatchNorm> norm)
      : norm_(std::move(norm)) {}

  std::vector<Weight*> weights() override { return norm_->weights(); }
  void prepare(int64_t capacity, bool, int) override {
    norm_->prepare(capacity);
  }
  int64_t bytes() const override { return norm_->bytes(); }

  bool forward_by_images() const override { return true; }
  void forward_images(const Pass& pass, const Images& images) override {
    norm_->normalise(pass, images);
  }

  bool backward_by_images() const override { return true; }
  void start_backward(const Pass& pass) override {
    norm_->start_backward(pass);
  }
  void backward_images(const Pass& pass, const Images& images) override {
    norm_->sum_gradients(pass, images);
  }
  void finish_backward(const Pass& pass, const Chunks& chunks) override {
    norm_->finish_backward(pass, chunks);
  }
  bool backward_waits() const override { return norm_->by_batch(); }
  int64_t sum_floats() const override { return norm_->sum_floats(); }
  int64_t image_floats() const override { return norm_->image_floats(); }

 private:
  std::shared_ptr<BatchNorm> norm_;
};

}  // namespace

std::pair<OpPtr, OpPtr> make_batch_norm(Tensor& x, Tensor& y, double momentum,
                                        double epsilon, Rectifier rectifier,
                                        Weight scale, Weight shift, float* mean,
                                        float* variance) {
  const auto norm = std::make_shared<BatchNorm>(
      x, y, momentum, epsilon, rectifier, std::move(scale), std::move(shift),
      mean, variance);
  return {std::make_unique<Statistics>(norm),
          std::make_unique<Normalise>(norm)};
}

}  // namespace digitnet::engine::native
