// A learned number for each value.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

class Position : public Op {
 public:
  Position(Tensor& x, Tensor& y, Weight weight)
      : x_(x), y_(y), weight_(std::move(weight)) {}

  std::vector<Weight*> weights() override { return {&weight_}; }

  void forward(const Pass& pass) override {
    const int64_t line = this->line();
    each_image(pass, [&](int64_t n) {
      for (int64_t row = 0; row < y_.value.height; ++row) {
        pass.kernels.add(x_.value.at(n, row), weight_.value + row * line,
                         y_.value.at(n, row), line);
      }
    });
  }

  void backward(const Pass& pass) override {
    const Map& g = y_.gradient;
    const int64_t line = this->line();
    if (pass.weight_gradients) weight_gradient(pass);
    if (!x_.needs_gradient) return;
    each_image(pass, [&](int64_t n) {
      for (int64_t row = 0; row < g.height; ++row)
        std::copy_n(g.at(n, row), line, x_.gradient.at(n, row));
    });
  }

 private:
  static constexpr int64_t kColumns = 64;  // of one task: whole cache lines

  int64_t line() const { return y_.value.width * y_.value.channels; }

  void weight_gradient(const Pass& pass) const {
    const Map& g = y_.gradient;
    const int64_t line = this->line();
    const int64_t blocks = (line + kColumns - 1) / kColumns;
    std::fill_n(weight_.gradient, weight_.count(), 0.0f);
    pass.pool.parallel_for(g.height * blocks, [&](int64_t task) {
      const int64_t row = task / blocks, first = task % blocks * kColumns;
      pass.kernels.column_sums(g.at(0, row) + first, pass.count, g.image(),
                               std::min(kColumns, line - first),
                               weight_.gradient + row * line + first);
    });
  }

  Tensor &x_, &y_;
  Weight weight_;
};

}  // namespace

OpPtr make_position(Tensor& x, Tensor& y, Weight weight) {
  return std::make_unique<Position>(x, y, std::move(weight));
}

}  // namespace digitnet::engine::native
