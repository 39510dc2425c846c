// The backward pass of a convolution with a 2x2 max-pool behind it. At most one
// output in four has a gradient, and ReLU and dropout leave fewer (.33 to .62
// of the pooled ones in training): the sums run over lists of those, 4 to 7
// times faster than dense ones. Row by row of pooled pixels:
//
//   g, argmax --compress_nonzeros--> by position --gather weights--> dx
//                               `--> by channel, over all rows of some images
//                                        --gather windows of x--> dw
//
// (A first layer of one channel with its pool is FirstConv, first_conv.cpp.)
//
// Weights and their gradient lie output by output here, [outputs][k][k * C]:
// a term is one output's patch.
#include <algorithm>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

constexpr int64_t kListSlack = 16;  // a vector may be stored behind a list
// Small images are listed together until they have so many pooled pixels: a
// list costs the loads and stores of its target patch, whatever its length.
constexpr int64_t kListed = 256;

class PooledConv : public ConvBase {
 public:
  PooledConv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
             Weight bias, uint32_t number)
      : ConvBase(x, y, options, std::move(weight), std::move(bias), number),
        pixels_(y.height * y.width),
        group_(std::clamp<int64_t>(kListed / (y.height * y.width), 1, 16)),
        partial_size_(weight_.outputs * options.kernel * run_padded_) {
    x.need_gradient_pad(options.padding);
  }

  void prepare(int64_t capacity, bool training, int threads) override {
    prepare_forward(capacity, threads);
    if (!training) return;
    if (weight_.gradient) {
      const int64_t max_chunks = Chunks::max_count(capacity, partial_size_);
      partial_.reserve(max_chunks * partial_size_);
      bias_partial_.reserve(max_chunks * kernels::padded(weight_.outputs));
    }
    transposed_.reserve(partial_size_);
    scratch_.clear();
    const int64_t listed = weight_.gradient ? group_ * pixels_ : 0;
    for (int i = 0; i < threads; ++i)
      scratch_.emplace_back(weight_.outputs, listed, y_.width);
  }

  void backward(const Pass& pass) override {
    if (x_.needs_gradient) transpose_weights(pass);
    if (!pass.weight_gradients) {
      if (!x_.needs_gradient) return;
      pass.pool.parallel_for(pass.count, [&](int64_t n, int thread) {
        image(pass, n, 0, scratch_[thread]);
      });
      return;
    }
    const Chunks chunks = Chunks::of(pass.count, partial_size_);
    pass.pool.parallel_for(chunks.count, [&](int64_t chunk, int thread) {
      const int64_t last = chunks.last(chunk);
      float* partial = partial_.data() + chunk * partial_size_;
      std::fill_n(partial, partial_size_, 0.0f);
      float* bias = start_bias(chunk);
      for (int64_t n = chunks.first(chunk); n < last; n += group_) {
        images(pass, n, std::min(n + group_, last), scratch_[thread], partial,
               bias);
      }
    });
    reduce(pass, chunks);
    reduce_bias(chunks.count);
  }

  int64_t bytes() const override {
    int64_t lists = 0;
    for (const Scratch& scratch : scratch_)
      lists += static_cast<int64_t>(scratch.channel_offsets.size()) * 8;
    return ConvBase::bytes() + partial_.bytes() + transposed_.bytes() + lists;
  }

 private:
  // Lists of one thread.
  struct Scratch {
    Scratch(int64_t outputs, int64_t capacity, int64_t width)
        : channel_offsets(outputs * capacity + kListSlack),
          channel_factors(outputs * capacity + kListSlack),
          position_offsets(width * 4 * (outputs + kListSlack)),
          position_factors(width * 4 * (outputs + kListSlack)),
          counts(outputs + kListSlack),
          position_counts(width * 4) {}
    std::vector<int32_t> channel_offsets;
    std::vector<float> channel_factors;
    std::vector<int32_t> position_offsets;
    std::vector<float> position_factors;
    std::vector<int32_t> counts, position_counts;
  };

  // Images [first, last): the input's gradient row by row, then the weights'
  // channel by channel.
  void images(const Pass& pass, int64_t first, int64_t last, Scratch& scratch,
              float* partial, float* bias) {
    std::fill(scratch.counts.begin(), scratch.counts.end(), 0);
    for (int64_t n = first; n < last; ++n)
      image(pass, n, (n - first) * x_.value.image(), scratch);
    const int64_t capacity = group_ * pixels_;
    const float* x = window(x_.value, first, options_.padding);
    for (int64_t o = 0; o < weight_.outputs; ++o) {
      bias[o] += pass.kernels.sum(scratch.channel_factors.data() + o * capacity,
                                  scratch.counts[o]);
    }
    kernels::Gather sum{};
    sum.terms = {scratch.channel_offsets.data(),
                 scratch.channel_factors.data()};
    sum.counts = scratch.counts.data();
    sum.source = x;
    sum.source_row = x_.value.row();
    sum.target = partial;
    sum.target_row = run_padded_;
    sum.rows = options_.kernel;
    sum.run = run_;
    sum.sums = weight_.outputs;
    sum.terms_step = capacity;
    sum.counts_step = 1;
    sum.target_step = options_.kernel * run_padded_;
    pass.kernels.gather(sum);
  }

  void image(const Pass& pass, int64_t n, int64_t start, Scratch& scratch) {
    const Map &x = x_.value, &y = y_.value, &g = y_.gradient;
    const int64_t outputs = weight_.outputs;
    kernels::PooledRow row{};
    row.width = y.width;
    row.channels = outputs;
    row.scale = kept_scale(pass, options_.dropout);
    row.step = static_cast<int32_t>(2 * x.channels);
    if (x_.needs_gradient) {
      row.by_position = {scratch.position_offsets.data(),
                         scratch.position_factors.data()};
      row.channel_step = options_.kernel * run_padded_;
      row.position_capacity = outputs + kListSlack;
      row.position_counts = scratch.position_counts.data();
      x_.gradient.clear(n);
    }
    if (pass.weight_gradients) {
      row.by_channel = {scratch.channel_offsets.data(),
                        scratch.channel_factors.data()};
      row.channel_capacity = group_ * pixels_;
      row.counts = scratch.counts.data();
    }
    for (int64_t at = 0; at < y.height; ++at) {
      row.g = g.at(n, at);
      row.y = options_.relu ? y.at(n, at) : nullptr;
      row.argmax = argmax_.data() + (n * pixels_ + at * y.width) * outputs;
      for (int64_t i = 0; i < 4; ++i) {
        row.offsets[i] = static_cast<int32_t>(
            start + (2 * at + i / 2) * x.row() + i % 2 * x.channels);
      }
      pass.kernels.compress_nonzeros(row);
      if (x_.needs_gradient) scatter(pass, n, at, row);
    }
    if (x_.needs_gradient) clear_border(x_.gradient, n);
  }

  // A row's gradients to the windows that its maxima came from. Neighbouring
  // windows overlap, and a sum must not wait for the one before: every third
  // pixel first, then those between.
  void scatter(const Pass& pass, int64_t n, int64_t at,
               const kernels::PooledRow& row) {
    const Map& dx = x_.gradient;
    constexpr int64_t kApart = 3;
    for (int64_t i = 0; i < 4; ++i) {
      float* start = window(dx, n, options_.padding) +
                     (2 * at + i / 2) * dx.row() + i % 2 * dx.channels;
      for (int64_t first = 0; first < std::min(kApart, row.width); ++first) {
        const int64_t list = first * 4 + i;
        kernels::Gather sum{};
        sum.terms = {row.by_position.offsets + list * row.position_capacity,
                     row.by_position.factors + list * row.position_capacity};
        sum.counts = row.position_counts + list;
        sum.source = transposed_.data();
        sum.source_row = run_padded_;
        sum.target = start + 2 * first * dx.channels;
        sum.target_row = dx.row();
        sum.rows = options_.kernel;
        sum.run = run_;
        sum.sums = (row.width - first + kApart - 1) / kApart;
        sum.terms_step = kApart * 4 * row.position_capacity;
        sum.counts_step = kApart * 4;
        sum.target_step = kApart * 2 * dx.channels;
        pass.kernels.gather(sum);
      }
    }
  }

  // The weights output by output: [outputs][k][run_padded_].
  void transpose_weights(const Pass& pass) {
    const int64_t k = options_.kernel, outputs = weight_.outputs;
    pass.pool.parallel_for(
        kernels::panel_count(outputs) * k, [&](int64_t task) {
          const int64_t panel = task / k, row = task % k;
          const int64_t first = panel * kernels::kPanel;
          const int64_t width = kernels::panel_width(outputs, panel);
          pass.kernels.transpose(
              weight_.value + first * k * run_ + row * run_ * width, run_,
              std::min(width, outputs - first), width,
              transposed_.data() + (first * k + row) * run_padded_,
              k * run_padded_);
        });
  }

  // The chunks' sums in their order, transposed back into panels.
  void reduce(const Pass& pass, const Chunks& chunks) {
    const int64_t k = options_.kernel, outputs = weight_.outputs;
    pass.pool.parallel_for(outputs, [&](int64_t o) {
      const int64_t size = k * run_padded_;
      float* sum = partial_.data() + o * size;
      for (int64_t chunk = 1; chunk < chunks.count; ++chunk)
        pass.kernels.add(sum, sum + chunk * partial_size_, sum, size);
    });
    pass.pool.parallel_for(
        kernels::panel_count(outputs) * k, [&](int64_t task) {
          const int64_t panel = task / k, row = task % k;
          const int64_t first = panel * kernels::kPanel;
          const int64_t width = kernels::panel_width(outputs, panel);
          pass.kernels.transpose(
              partial_.data() + (first * k + row) * run_padded_,
              std::min(width, outputs - first), run_, k * run_padded_,
              weight_.gradient + first * k * run_ + row * run_ * width, width);
        });
  }

  int64_t pixels_;  // of a pooled image
  int64_t group_;   // images listed together
  int64_t partial_size_;
  Buffer partial_;  // weight gradients of each chunk, output by output
  Buffer transposed_;
  std::vector<Scratch> scratch_;  // of each thread
};

}  // namespace

OpPtr make_pooled_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                       Weight weight, Weight bias, uint32_t number) {
  return std::make_unique<PooledConv>(x, y, options, std::move(weight),
                                      std::move(bias), number);
}

}  // namespace digitnet::engine::native
