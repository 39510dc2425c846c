// The last layer of a network of capsules.
#include <algorithm>
#include <cmath>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

// Log-odds of the vectors' lengths. In float64: near 1 they are what little is
// left of a difference.
class CapsuleLogits : public Op {
 public:
  CapsuleLogits(Tensor& x, Tensor& y, int64_t size)
      : x_(x), y_(y), size_(size) {}

  void forward(const Pass& pass) override {
    each_image(pass, [&](int64_t n) {
      for (int64_t k = 0; k < y_.value.channels; ++k) {
        const double length = std::min(length_of(n, k), kLongest);
        y_.value.at(n)[k] = static_cast<float>(std::log(length / (1 - length)));
      }
    });
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient) return;
    each_image(pass, [&](int64_t n) {
      for (int64_t k = 0; k < y_.value.channels; ++k) {
        const double length = length_of(n, k);
        const double g =
            length > kLongest
                ? 0.0
                : y_.gradient.at(n)[k] / (length * length * (1 - length));
        for (int64_t i = k * size_; i < (k + 1) * size_; ++i)
          x_.gradient.at(n)[i] = static_cast<float>(x_.value.at(n)[i] * g);
      }
    });
  }

 private:
  static constexpr double kLongest = 1 - 1e-6;

  double length_of(int64_t n, int64_t k) const {
    const float* x = x_.value.at(n) + k * size_;
    double squares = kernels::kCapsuleTiny;
    for (int64_t i = 0; i < size_; ++i)
      squares += static_cast<double>(x[i]) * x[i];
    return std::sqrt(squares);
  }

  Tensor &x_, &y_;
  int64_t size_;
};

}  // namespace

OpPtr make_capsule_logits(Tensor& x, Tensor& y, int64_t size) {
  return std::make_unique<CapsuleLogits>(x, y, size);
}

}  // namespace digitnet::engine::native
