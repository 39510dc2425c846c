// Auxiliary heads. Their input x goes on unchanged; a network inside reads it,
// too, and in training adds a loss of its own and, behind what comes back from
// the rest of the network, its part of x's gradient:
//
//   x ------------------------------------------> the rest of the network
//   `-- Reversal, ChosenVector --> inside --> DomainLoss, ReconstructionLoss
#include <algorithm>

#include "engine/native/losses.h"

namespace digitnet::engine::native {
namespace {

// f(x's row, y's row, floats) of image n.
template <class F>
void each_row(const Map& x, const Map& y, int64_t n, const F& f) {
  for (int64_t row = 0; row < x.height; ++row)
    f(x.at(n, row), y.at(n, row), x.width * x.channels);
}

// The branch shares x's value; its gradient comes back with its sign turned.
// Source: Ganin et al., JMLR 17, 2016, section 4.
class Reversal : public Op {
 public:
  Reversal(Tensor& x, Tensor& branch, double weight)
      : x_(x), branch_(branch), weight_(weight) {}

  void forward(const Pass&) override {}
  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    const double coefficient =
        pass.batch ? weight_ * pass.batch->reversal_coefficient : 0;
    const auto factor = static_cast<float>(-coefficient);
    each_image(pass, [&](int64_t n) {
      each_row(x_.gradient, branch_.gradient, n,
               [&](float* to, const float* from, int64_t count) {
                 for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
               });
    });
  }

 private:
  Tensor &x_, &branch_;
  double weight_;
};

// The branch has the features of one vector, and 0 for the others': the true
// class' in training, else the longest.
class ChosenVector : public Op {
 public:
  ChosenVector(Tensor& x, Tensor& branch, int64_t size)
      : x_(x), branch_(branch), size_(size), vectors_(x.shape.size() / size) {}

  void prepare(int64_t capacity, bool, int threads) override {
    chosen_.resize(capacity);
    squares_.resize(threads * vectors_);
  }

  void forward(const Pass& pass) override {
    const bool told = pass.training && pass.batch && !pass.batch->targets;
    pass.pool.parallel_for(pass.count, [&](int64_t n, int thread) {
      chosen_[n] = told ? pass.batch->labels[n]
                        : longest(n, squares_.data() + thread * vectors_);
      const float* x = x_.value.at(n);
      float* y = branch_.value.at(n);
      for (int64_t i = 0; i < x_.shape.size(); ++i)
        y[i] = vector_of(i) == chosen_[n] ? x[i] : 0;
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_image(pass, [&](int64_t n) {
      const float* g = branch_.gradient.at(n);
      float* dx = x_.gradient.at(n);
      for (int64_t i = 0; i < x_.shape.size(); ++i)
        if (vector_of(i) == chosen_[n]) dx[i] += g[i];
    });
  }

 private:
  // Of the i-th feature as it lies here.
  int64_t vector_of(int64_t i) const {
    const int64_t area = x_.height * x_.width;
    return (i % x_.channels * area + i / x_.channels) / size_;
  }

  int64_t longest(int64_t n, float* squares) const {
    std::fill_n(squares, vectors_, 0.0f);
    const float* x = x_.value.at(n);
    for (int64_t i = 0; i < x_.shape.size(); ++i)
      squares[vector_of(i)] += x[i] * x[i];
    return best_class(squares, vectors_);
  }

  Tensor &x_, &branch_;
  int64_t size_, vectors_;
  std::vector<int64_t> chosen_;  // of each image
  std::vector<float> squares_;   // of each thread: lengths of the vectors
};

// Losses of the samples, whose mean is added to the network's. The forward pass
// has their gradient at hand and writes it.
class AuxiliaryLoss : public Op {
 public:
  explicit AuxiliaryLoss(Tensor& x) : x_(x) {}

  void forward(const Pass& pass) override {
    mean_ = 0;
    if (!pass.training) return;
    losses_.resize(pass.count);
    const double weight = 1 / static_cast<double>(pass.count);
    each_image(
        pass, [&](int64_t n) { losses_[n] = loss_of(*pass.batch, n, weight); });
    for (const double loss : losses_) mean_ += loss * weight;
  }
  void backward(const Pass&) override {}
  double loss() const override { return mean_; }

 protected:
  // Of sample n, with its gradient times `weight`.
  virtual double loss_of(const Batch& batch, int64_t n, double weight) = 0;

  Tensor& x_;

 private:
  std::vector<double> losses_;
  double mean_ = 0;
};

class DomainLoss : public AuxiliaryLoss {
 public:
  using AuxiliaryLoss::AuxiliaryLoss;

 protected:
  double loss_of(const Batch& batch, int64_t n, double weight) override {
    float* gradient = x_.gradient.data ? x_.gradient.at(n) : nullptr;
    constexpr int64_t kDomains = 2;
    if (batch.labelled < 0) {
      if (gradient) std::fill_n(gradient, kDomains, 0.0f);
      return 0;
    }
    return cross_entropy(x_.value.at(n), kDomains, n < batch.labelled ? 0 : 1,
                         0, weight, gradient);
  }
};

// The sum of squared errors against the network's input.
class ReconstructionLoss : public AuxiliaryLoss {
 public:
  ReconstructionLoss(Tensor& x, double weight)
      : AuxiliaryLoss(x),
        factor_(weight * static_cast<double>(x.shape.size())) {}

 protected:
  double loss_of(const Batch& batch, int64_t n, double weight) override {
    return factor_ * squared_error(x_, n, batch.images + n * x_.shape.size(),
                                   factor_ * weight);
  }

 private:
  double factor_;
};

}  // namespace

OpPtr make_reversal(Tensor& x, Tensor& branch, double weight) {
  return std::make_unique<Reversal>(x, branch, weight);
}
OpPtr make_chosen_vector(Tensor& x, Tensor& branch, int64_t size) {
  return std::make_unique<ChosenVector>(x, branch, size);
}
OpPtr make_domain_loss(Tensor& x) { return std::make_unique<DomainLoss>(x); }
OpPtr make_reconstruction_loss(Tensor& x, double weight) {
  return std::make_unique<ReconstructionLoss>(x, weight);
}

}  // namespace digitnet::engine::native
