// The backward pass of a first layer of one input channel with a 2x2 max-pool
// behind it: no gradient goes further, and channels stay side by side.
#include <algorithm>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

class FirstConv : public ConvBase {
 public:
  using ConvBase::ConvBase;

  void prepare(int64_t capacity, bool training, int threads) override {
    prepare_forward(capacity, threads);
    if (!training || !weight_.gradient) return;
    const int64_t max_chunks = Chunks::max_count(capacity, weight_.count());
    partial_.reserve(max_chunks * weight_.count());
    bias_partial_.reserve(max_chunks * kernels::padded(weight_.outputs));
    scratch_size_ =
        kernels::single_scratch_size(options_.kernel, y_.height, y_.width);
    scratch_.reserve(threads * scratch_size_);
  }

  void backward(const Pass& pass) override {
    if (!pass.weight_gradients) return;
    const Chunks chunks = Chunks::of(pass.count, weight_.count());
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk, int thread) {
      float* partial = partial_.data() + chunk * weight_.count();
      std::fill_n(partial, weight_.count(), 0.0f);
      float* bias = start_bias(chunk);
      for (int64_t n = chunks.first(chunk); n < chunks.last(chunk); ++n)
        image(pass, n, partial, bias, thread);
    });
    // One panel: the partial sums lie as the weights do.
    weight_.sum_partials(pass, chunks, partial_.data(), weight_.count());
    reduce_bias(chunks.count);
  }

  int64_t bytes() const override {
    return ConvBase::bytes() + partial_.bytes() + scratch_.bytes();
  }

 private:
  void image(const Pass& pass, int64_t n, float* partial, float* bias,
             int thread) {
    const Map &x = x_.value, &y = y_.value, &g = y_.gradient;
    kernels::SingleGradient s{};
    s.x = window(x, n, options_.padding);
    s.x_row = x.row();
    s.kernel = options_.kernel;
    s.g = g.at(n);
    s.g_line = g.row();
    s.y = options_.relu ? y.at(n) : nullptr;
    s.y_line = y.row();
    s.argmax = argmax_.data() + n * y.size();
    s.height = y.height;
    s.width = y.width;
    s.outputs = weight_.outputs;
    s.scale = kept_scale(pass, options_.dropout);
    s.gradient = partial;
    s.bias = bias;
    s.scratch = scratch_.data() + thread * scratch_size_;
    pass.kernels.single_gradient(s);
  }

  Buffer partial_;  // weight gradients of each chunk
  Buffer scratch_;  // of each thread
  int64_t scratch_size_ = 0;
};

}  // namespace

bool first_conv_fits(const Tensor& x, const ConvOptions& options,
                     const Weight& weight) {
  return options.pool && !x.needs_gradient && x.channels == 1 &&
         (options.kernel == 3 || options.kernel == 5) &&
         weight.outputs <= kernels::kPanel;
}

OpPtr make_first_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number) {
  return std::make_unique<FirstConv>(x, y, options, std::move(weight),
                                     std::move(bias), number);
}

}  // namespace digitnet::engine::native
