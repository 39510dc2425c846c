// Capsules that route what they predict to those that agree. Capsule i is
// vector i / pixels of the channels at pixel i % pixels; kPanel of them lie
// side by side in the lanes (kernels.h), so that a panel's weights are those of
// [outputs * inputs, capsules] and all predictions of a panel stay together:
//
//   vectors      [panel][image][inputs, width]    squashed; later, gradients
//   predictions  [panel][image][outputs, width]   later, their gradients
//
// Predictions are most of the memory and of its traffic. They are kept for the
// backward pass: to make them again would read all weights again for every few
// images. In prediction they exist for some images at a time.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

using kernels::kPanel;

constexpr int64_t kPredicted = 8;  // images at a time, in prediction

class Capsules : public Op {
 public:
  Capsules(Tensor& x, Tensor& y, const CapsuleOptions& options, Weight weight)
      : x_(x),
        y_(y),
        options_(options),
        weight_(std::move(weight)),
        count_(weight_.outputs),
        outputs_(options.units * options.size) {
    weight_.early = true;
  }

  std::vector<Weight*> weights() override { return {&weight_}; }

  void prepare(int64_t capacity, bool training, int threads) override {
    slice_ = training ? capacity : std::min(capacity, kPredicted);
    vectors_.image = pitch_of(options_.inputs * kPanel);
    predictions_.image = pitch_of(outputs_ * kPanel);
    for (Panels* panels : {&vectors_, &predictions_}) {
      panels->panel = slice_ * panels->image;
      panels->memory.reserve(kernels::panel_count(count_) * panels->panel);
    }
    routed_.reserve(slice_ * 2 * options_.routing * outputs_);
    factors_.reserve(slice_ * rounds() * agreements());
    uniform_.assign(options_.units * kPanel + kernels::kSlack,
                    1 / static_cast<float>(options_.units));
    scratch_size_ = std::max(2 * x_.value.size(),
                             outputs_ * (kernels::kCapsuleLanes + 1) +
                                 (options_.routing + 1) * agreements());
    scratch_size_ = pitch_of(scratch_size_ + kernels::kSlack);
    scratch_.reserve(threads * scratch_size_);
  }

  void forward(const Pass& pass) override {
    for (int64_t first = 0; first < pass.count; first += slice_) {
      const int64_t images = std::min(slice_, pass.count - first);
      pass.pool.parallel_for(images, [&](int64_t n, int thread) {
        collect(pass, first + n, scratch(thread));
        each_run([&](int64_t channel, int64_t pixel, const Place& place) {
          std::copy_n(scratch(thread) + channel * pixels() + pixel, place.count,
                      vectors_.at(place.panel, n) + place.offset);
        });
        for (int64_t p = 0; p < panels(); ++p) {
          float* vectors = vectors_.at(p, n);
          pass.kernels.capsules.squash(options_.inputs, width(p), width(p),
                                       vectors, vectors);
        }
      });
      pass.pool.parallel_for(panels(), [&](int64_t p) {
        pass.kernels.capsules.predictions(products(p, images));
      });
      pass.pool.parallel_for(images, [&](int64_t n, int thread) {
        route(pass, n, scratch(thread), y_.value.at(first + n));
      });
    }
  }

  void backward(const Pass& pass) override {
    pass.pool.parallel_for(pass.count, [&](int64_t n, int thread) {
      route_back(pass, n, scratch(thread));
    });
    pass.pool.parallel_for(panels(), [&](int64_t p) {
      const kernels::CapsuleProducts c = products(p, pass.count);
      if (pass.weight_gradients) pass.kernels.capsules.weight_gradient(c);
      // Before the weights change, and in the vectors' place.
      if (x_.needs_gradient) pass.kernels.capsules.vector_gradient(c);
      if (!pass.weight_gradients || !pass.updater || weight_.frozen()) return;
      pass.updater->update(weight_, p * kPanel * weight_.inputs,
                           width(p) * weight_.inputs);
    });
    if (!x_.needs_gradient) return;
    pass.pool.parallel_for(pass.count, [&](int64_t n, int thread) {
      vector_gradient(pass, n, scratch(thread));
    });
  }

  int64_t scratch_floats() const override {
    return kernels::panel_count(count_) * (pitch_of(options_.inputs * kPanel) +
                                           pitch_of(outputs_ * kPanel)) +
           2 * options_.routing * outputs_ + rounds() * agreements();
  }

  int64_t bytes() const override {
    return vectors_.memory.bytes() + predictions_.memory.bytes() +
           routed_.bytes() + factors_.bytes() + scratch_.bytes();
  }

 private:
  struct Panels {
    Buffer memory;
    int64_t image = 0, panel = 0;  // from one to the next
    float* at(int64_t p, int64_t n) {
      return memory.data() + p * panel + n * image;
    }
  };

  int64_t pixels() const { return x_.height * x_.width; }
  int64_t panels() const { return kernels::panel_count(count_); }
  int64_t width(int64_t p) const { return kernels::panel_width(count_, p); }
  // Of an image: one of each capsule and unit. Panel p's begin at
  // p * kPanel * units.
  int64_t agreements() const {
    return options_.units * kernels::padded(count_);
  }
  // Whose factors are kept: the first round's are all equal.
  int64_t rounds() const { return options_.routing - 1; }
  float* scratch(int thread) {
    return scratch_.data() + thread * scratch_size_;
  }
  // Of image n in round r: the sum of what is routed to the outputs, and the
  // outputs. Rounds count from 0.
  float* sum(int64_t n, int64_t r) {
    return routed_.data() + (n * options_.routing + r) * 2 * outputs_;
  }
  float* output(int64_t n, int64_t r) { return sum(n, r) + outputs_; }
  const float* factors(int64_t n, int64_t r, int64_t p) {
    return r == 0 ? uniform_.data() : later_factors(n, r, p);
  }
  float* later_factors(int64_t n, int64_t r, int64_t p) {
    return factors_.data() + (n * rounds() + r - 1) * agreements() +
           p * kPanel * options_.units;
  }
  kernels::CapsulePanel panel(int64_t p) const {
    return {width(p), options_.units, options_.size};
  }

  kernels::CapsuleProducts products(int64_t p, int64_t images) {
    kernels::CapsuleProducts c{};
    c.width = width(p);
    c.inputs = options_.inputs;
    c.outputs = outputs_;
    c.images = images;
    c.weights = weight_.value + p * kPanel * weight_.inputs;
    c.vectors = vectors_.at(p, 0);
    c.vectors_image = vectors_.image;
    c.predictions = predictions_.at(p, 0);
    c.predictions_image = predictions_.image;
    if (weight_.gradient)
      c.gradient = weight_.gradient + p * kPanel * weight_.inputs;
    return c;
  }

  // Image n of x as [channels, pixels].
  void collect(const Pass& pass, int64_t n, float* to) const {
    const Map& x = x_.value;
    const int64_t rows = x.pad == 0 ? 1 : x.height, part = pixels() / rows;
    for (int64_t row = 0; row < rows; ++row) {
      pass.kernels.transpose(x.at(n, row), part, x.channels, x.channels,
                             to + row * part, pixels());
    }
  }

  // Where neighbouring pixels of one channel lie: panel, offset in it, count.
  struct Place {
    int64_t panel, offset, count;
  };
  template <class F>
  void each_run(const F& f) const {
    for (int64_t c = 0; c < x_.channels; ++c) {
      const int64_t i = c % options_.inputs;
      const int64_t first = c / options_.inputs * pixels();
      for (int64_t pixel = 0; pixel < pixels();) {
        const int64_t at = first + pixel, p = at / kPanel, lane = at % kPanel;
        const int64_t count = std::min(pixels() - pixel, kPanel - lane);
        f(c, pixel, Place{p, i * width(p) + lane, count});
        pixel += count;
      }
    }
  }

  void route(const Pass& pass, int64_t n, float* scratch, float* y) {
    float* sums = scratch;
    float* agreements = sums + outputs_ * kernels::kCapsuleLanes;
    for (int64_t r = 0; r < options_.routing; ++r) {
      start(sums);
      for (int64_t p = 0; p < panels(); ++p) {
        const float* predictions = predictions_.at(p, n);
        if (r > 0) {
          float* at = agreements + p * kPanel * options_.units;
          pass.kernels.capsules.agreements(panel(p), predictions,
                                           output(n, r - 1), r > 1, at);
          pass.kernels.capsules.softmax(panel(p), at, later_factors(n, r, p));
        }
        pass.kernels.capsules.sums(panel(p), predictions, factors(n, r, p),
                                   sums);
      }
      finish(sums, sum(n, r));
      for (int64_t unit = 0; unit < outputs_; unit += options_.size) {
        pass.kernels.capsules.squash(options_.size, 1, 1, sum(n, r) + unit,
                                     output(n, r) + unit);
      }
    }
    std::copy_n(output(n, options_.routing - 1), outputs_, y);
  }

  // From the output's gradient to those of the predictions, in their place.
  // The gradient by a round's agreements is that by its factors and that by the
  // next round's agreements, which are these and more.
  void route_back(const Pass& pass, int64_t n, float* scratch) {
    float* sums = scratch;
    float* g = sums + outputs_ * kernels::kCapsuleLanes;
    float* by_factors = g + outputs_;
    const auto by_agreements = [&](int64_t r) {  // with which round r begins
      return by_factors + r * agreements();
    };
    std::copy_n(y_.gradient.at(n), outputs_, g);
    for (int64_t r = options_.routing - 1; r >= 0; --r) {
      for (int64_t unit = 0; unit < outputs_; unit += options_.size) {
        float* s = sum(n, r) + unit;
        pass.kernels.capsules.squash_gradient(options_.size, 1, 1, s, g + unit,
                                              s);
      }
      if (r == 0) break;
      start(sums);
      for (int64_t p = 0; p < panels(); ++p) {
        const int64_t at = p * kPanel * options_.units;
        const float* predictions = predictions_.at(p, n);
        pass.kernels.capsules.agreements(panel(p), predictions, sum(n, r),
                                         false, by_factors + at);
        pass.kernels.capsules.softmax_gradient(
            panel(p), later_factors(n, r, p), by_factors + at,
            r + 1 < options_.routing ? by_agreements(r + 1) + at : nullptr,
            by_agreements(r) + at);
        pass.kernels.capsules.sums(panel(p), predictions, by_agreements(r) + at,
                                   sums);
      }
      finish(sums, g);
    }
    std::vector<kernels::CapsuleTerm> terms;
    for (int64_t p = 0; p < panels(); ++p) {
      const int64_t at = p * kPanel * options_.units;
      terms.clear();
      for (int64_t r = 0; r < options_.routing; ++r) {
        terms.push_back({factors(n, r, p), sum(n, r)});
        if (r > 0) terms.push_back({by_agreements(r) + at, output(n, r - 1)});
      }
      pass.kernels.capsules.spread(panel(p), terms.data(),
                                   static_cast<int64_t>(terms.size()),
                                   predictions_.at(p, n));
    }
  }

  void start(float* sums) const {
    std::fill_n(sums, outputs_ * kernels::kCapsuleLanes, 0.0f);
  }
  void finish(const float* sums, float* to) const {
    for (int64_t o = 0; o < outputs_; ++o) {
      to[o] = 0;
      for (int64_t lane = 0; lane < kernels::kCapsuleLanes; ++lane)
        to[o] += sums[o * kernels::kCapsuleLanes + lane];
    }
  }

  // The vectors' gradients of image n through the squash, to x's.
  void vector_gradient(const Pass& pass, int64_t n, float* scratch) {
    const Map& dx = x_.gradient;
    const int64_t channels = x_.channels, group = options_.inputs * pixels();
    float* g = scratch + channels * pixels();
    collect(pass, n, scratch);
    each_run([&](int64_t channel, int64_t pixel, const Place& place) {
      std::copy_n(vectors_.at(place.panel, n) + place.offset, place.count,
                  g + channel * pixels() + pixel);
    });
    for (int64_t i = 0; i < channels * pixels(); i += group) {
      pass.kernels.capsules.squash_gradient(options_.inputs, pixels(), pixels(),
                                            scratch + i, g + i, g + i);
    }
    const int64_t rows = dx.pad == 0 ? 1 : dx.height, part = pixels() / rows;
    for (int64_t row = 0; row < rows; ++row) {
      pass.kernels.transpose(g + row * part, channels, part, pixels(),
                             dx.at(n, row), channels);
    }
  }

  Tensor &x_, &y_;
  CapsuleOptions options_;
  Weight weight_;
  int64_t count_, outputs_;  // capsules; numbers that each predicts
  int64_t slice_ = 0, scratch_size_ = 0;
  Panels vectors_, predictions_;
  Buffer routed_, factors_, scratch_;
  std::vector<float> uniform_;
};

}  // namespace

OpPtr make_capsules(Tensor& x, Tensor& y, const CapsuleOptions& options,
                    Weight weight) {
  return std::make_unique<Capsules>(x, y, options, std::move(weight));
}

}  // namespace digitnet::engine::native
