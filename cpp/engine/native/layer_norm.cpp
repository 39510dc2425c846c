// Layer normalisation over the channels of each pixel, or all flat features.
// Source: Ba, Kiros, Hinton, arXiv 1607.06450, 2016.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

class LayerNorm : public Op {
 public:
  LayerNorm(Tensor& x, Tensor& y, double epsilon, Weight scale, Weight shift)
      : x_(x),
        y_(y),
        epsilon_(static_cast<float>(epsilon)),
        scale_(std::move(scale)),
        shift_(std::move(shift)) {}

  std::vector<Weight*> weights() override { return {&scale_, &shift_}; }

  void prepare(int64_t capacity, bool training, int) override {
    const int64_t pixels = x_.value.height * x_.value.width;
    mean_.reserve(capacity * pixels);
    inverse_std_.reserve(capacity * pixels);
    if (training)
      partial_.reserve(Chunks::max_count(capacity, sums()) * sums());
  }

  void forward(const Pass& pass) override {
    const Map &x = x_.value, &y = y_.value;
    each_row(pass, x, [&](int64_t n, int64_t row) {
      const int64_t first = (n * x.height + row) * x.width;
      pass.kernels.layer_norm({x.at(n, row), x.width, x.channels, scale_.value,
                               shift_.value, epsilon_, y.at(n, row),
                               mean_.data() + first,
                               inverse_std_.data() + first});
    });
  }

  void backward(const Pass& pass) override {
    const Chunks chunks = Chunks::of(pass.count, sums());
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk) {
      float* partial = partial_.data() + chunk * sums();
      std::fill_n(partial, sums(), 0.0f);
      for (int64_t n = chunks.first(chunk); n < chunks.last(chunk); ++n)
        image(pass, n, partial);
    });
    if (!pass.weight_gradients) return;
    scale_.sum_partials(pass, chunks, partial_.data(), sums());
    shift_.sum_partials(pass, chunks, partial_.data() + scale_.count(), sums());
  }

  int64_t bytes() const override {
    return mean_.bytes() + inverse_std_.bytes() + partial_.bytes();
  }

 private:
  int64_t sums() const { return scale_.count() + shift_.count(); }

  void image(const Pass& pass, int64_t n, float* partial) {
    const Map &x = x_.value, &g = y_.gradient;
    for (int64_t row = 0; row < x.height; ++row) {
      const int64_t first = (n * x.height + row) * x.width;
      pass.kernels.layer_norm_gradient(
          {x.at(n, row), g.at(n, row), x.width, x.channels, scale_.value,
           mean_.data() + first, inverse_std_.data() + first,
           x_.needs_gradient ? x_.gradient.at(n, row) : nullptr, partial,
           partial + scale_.count()});
    }
  }

  Tensor &x_, &y_;
  float epsilon_;
  Weight scale_, shift_;
  Buffer mean_, inverse_std_;  // of each pixel
  Buffer partial_;             // the weights' gradients of each chunk
};

}  // namespace

OpPtr make_layer_norm(Tensor& x, Tensor& y, double epsilon, Weight scale,
                      Weight shift) {
  return std::make_unique<LayerNorm>(x, y, epsilon, std::move(scale),
                                     std::move(shift));
}

}  // namespace digitnet::engine::native
