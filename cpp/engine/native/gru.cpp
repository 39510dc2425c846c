// A gated recurrent unit that reads the rows of an image. The products of all
// rows with the input's weights are one convolution an image; those with the
// state's go step by step, some images together. Between the passes each step
// of each image keeps
//
//   input    [3 units]  its gates' values, then the gradients of their input
//   product  [3 units]  what the state gave them, then its gradient
//   states   [units]    before the first step and behind each
//
// so that the weights' gradients of all steps are one product each.
#include <algorithm>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

// Images that go through the steps together: a register block of pixels on
// AVX-512, two on AVX2.
constexpr int64_t kImages = 12;
// Of one task of a weights' gradient, and of the images whose steps it adds at
// a time: about 112 rows, which the first cache holds.
constexpr int64_t kInputs = 48, kPanels = 4, kRows = 112;
constexpr int64_t kColumns = 64;  // of one bias task: whole cache lines

// Rows of numbers for the steps of each image.
struct Rows {
  float* data;
  int64_t step, image;
  float* at(int64_t n, int64_t t = 0) const {
    return data + n * image + t * step;
  }
};

class Gru : public Op {
 public:
  Gru(Tensor& x, Tensor& y, GruWeights weights)
      : x_(x),
        y_(y),
        input_weight_(std::move(weights.input)),
        state_weight_(std::move(weights.state)),
        input_bias_(std::move(weights.input_bias)),
        state_bias_(std::move(weights.state_bias)),
        units_(state_weight_.inputs),
        steps_(x.height) {
    input_weight_.early = state_weight_.early = true;
  }

  std::vector<Weight*> weights() override {
    return {&input_weight_, &state_weight_, &input_bias_, &state_bias_};
  }

  void prepare(int64_t capacity, bool training, int) override {
    const auto rows = [&](Buffer& buffer, int64_t floats, int64_t steps) {
      const int64_t pitch = pitch_of(floats);
      return Rows{buffer.reserve(capacity * steps * pitch), pitch,
                  steps * pitch};
    };
    input_ = rows(input_memory_, 3 * units_, steps_);
    product_ = rows(product_memory_, 3 * units_, steps_);
    states_ = rows(state_memory_, units_, steps_ + 1);  // the first: zeros
    if (!training) return;
    g_ = rows(g_memory_, units_, 1);
    state_transposed_.reserve(3 * units_ * kernels::padded(units_));
    if (!x_.needs_gradient) return;
    input_transposed_.reserve(3 * units_ *
                              kernels::padded(input_weight_.inputs));
  }

  void forward(const Pass& pass) override {
    pass.pool.parallel_for(
        (pass.count + kImages - 1) / kImages, [&](int64_t task) {
          const int64_t first = task * kImages;
          const int64_t last = std::min(first + kImages, pass.count);
          for (int64_t n = first; n < last; ++n) input_products(pass, n);
          for (int64_t t = 0; t < steps_; ++t) step(pass, first, last, t);
          for (int64_t n = first; n < last; ++n)
            std::copy_n(states_.at(n, steps_), units_, y_.value.at(n));
        });
  }

  void backward(const Pass& pass) override {
    pass.pool.parallel_for(x_.needs_gradient ? 2 : 1, [&](int64_t which) {
      const Weight& weight = which ? input_weight_ : state_weight_;
      transpose_panels(pass.kernels, weight.value, weight.inputs, 0,
                       weight.inputs, weight.outputs,
                       (which ? input_transposed_ : state_transposed_).data(),
                       weight.outputs, 0);
    });
    pass.pool.parallel_for(
        (pass.count + kImages - 1) / kImages, [&](int64_t task) {
          const int64_t first = task * kImages;
          const int64_t last = std::min(first + kImages, pass.count);
          for (int64_t n = first; n < last; ++n)
            std::copy_n(y_.gradient.at(n), units_, g_.at(n));
          for (int64_t t = steps_; t-- > 0;) step_back(pass, first, last, t);
          if (!x_.needs_gradient) return;
          for (int64_t n = first; n < last; ++n) input_gradient(pass, n);
        });
    if (!pass.weight_gradients) return;
    bias_gradient(pass, input_bias_, input_);
    bias_gradient(pass, state_bias_, product_);
    weight_gradients(pass);  // last: it may change the weights
  }

  int64_t scratch_floats() const override {
    return steps_ * (2 * pitch_of(3 * units_) + pitch_of(units_));
  }

  int64_t bytes() const override {
    return input_memory_.bytes() + product_memory_.bytes() +
           state_memory_.bytes() + g_memory_.bytes() +
           state_transposed_.bytes() + input_transposed_.bytes();
  }

 private:
  // Rows of [rows, inputs] times panels of [inputs, outputs].
  static kernels::Convolution product(const float* x, int64_t x_pixel,
                                      int64_t rows, int64_t inputs,
                                      const float* panels, int64_t outputs,
                                      float* y, int64_t y_pixel) {
    kernels::Convolution c{};
    c.x = x;
    c.x_pixel = x_pixel;
    c.rows = 1;
    c.run = inputs;
    c.weights = panels;
    c.weights_panel = kernels::kPanel * inputs;
    c.outputs = outputs;
    c.last_panel = kernels::panel_count(outputs);
    c.height = 1;
    c.width = rows;
    c.y = y;
    c.y_pixel = y_pixel;
    return c;
  }

  void input_products(const Pass& pass, int64_t n) const {
    kernels::Convolution c =
        product(x_.value.at(n), x_.value.row(), steps_, input_weight_.inputs,
                input_weight_.value, 3 * units_, input_.at(n), input_.step);
    c.bias = input_bias_.value;
    pass.kernels.convolve(c);
  }

  void step(const Pass& pass, int64_t first, int64_t last, int64_t t) const {
    kernels::Convolution c = product(
        states_.at(first, t), states_.image, last - first, units_,
        state_weight_.value, 3 * units_, product_.at(first, t), product_.image);
    c.bias = state_bias_.value;
    pass.kernels.convolve(c);
    for (int64_t n = first; n < last; ++n) {
      pass.kernels.gru_step({units_, input_.at(n, t), product_.at(n, t),
                             states_.at(n, t), states_.at(n, t + 1)});
    }
  }

  void step_back(const Pass& pass, int64_t first, int64_t last, int64_t t) {
    for (int64_t n = first; n < last; ++n) {
      pass.kernels.gru_step_gradient({units_, input_.at(n, t),
                                      product_.at(n, t), states_.at(n, t),
                                      g_.at(n)});
    }
    if (t == 0) return;  // the first state is no variable
    kernels::Convolution c =
        product(product_.at(first, t), product_.image, last - first, 3 * units_,
                state_transposed_.data(), units_, g_.at(first), g_.image);
    c.accumulate = true;
    pass.kernels.convolve(c);
  }

  void input_gradient(const Pass& pass, int64_t n) {
    pass.kernels.convolve(product(
        input_.at(n), input_.step, steps_, 3 * units_, input_transposed_.data(),
        input_weight_.inputs, x_.gradient.at(n), x_.gradient.row()));
  }

  void bias_gradient(const Pass& pass, const Weight& bias, const Rows& g) {
    std::fill_n(bias.gradient, bias.count(), 0.0f);
    pass.pool.parallel_for(
        (bias.outputs + kColumns - 1) / kColumns, [&](int64_t task) {
          const int64_t first = task * kColumns;
          pass.kernels.column_sums(g.at(0) + first, pass.count * steps_, g.step,
                                   std::min(kColumns, bias.outputs - first),
                                   bias.gradient + first);
        });
  }

  void weight_gradients(const Pass& pass) const {
    const Map& x = x_.value;
    const Part parts[] = {
        {state_weight_, states_, product_},
        {input_weight_, {x.at(0), x.row(), x.image()}, input_}};
    const int64_t of_state = parts[0].tasks();
    pass.pool.parallel_for(of_state + parts[1].tasks(), [&](int64_t task) {
      if (task < of_state) {
        weight_gradient(pass, parts[0], task);
      } else {
        weight_gradient(pass, parts[1], task - of_state);
      }
    });
  }

  // A weight, the rows it is multiplied with and the gradients of its products.
  struct Part {
    const Weight& weight;
    Rows x, g;
    int64_t groups() const {
      return (kernels::panel_count(weight.outputs) + kPanels - 1) / kPanels;
    }
    int64_t tasks() const {
      return groups() * ((weight.inputs + kInputs - 1) / kInputs);
    }
  };

  void weight_gradient(const Pass& pass, const Part& part, int64_t task) const {
    const Weight& weight = part.weight;
    const int64_t panels = kernels::panel_count(weight.outputs);
    kernels::WeightGradient c{};
    c.x_pixel = part.x.step;
    c.x_line = part.x.image;
    c.rows = c.images = 1;
    c.run = weight.inputs;
    c.g_pixel = part.g.step;
    c.g_line = part.g.image;
    c.outputs = weight.outputs;
    c.first_panel = task % part.groups() * kPanels;
    c.last_panel = std::min(c.first_panel + kPanels, panels);
    c.first_input = task / part.groups() * kInputs;
    c.last_input = std::min(c.first_input + kInputs, weight.inputs);
    c.width = steps_;
    c.gradient = weight.gradient;
    const int64_t images = std::max<int64_t>(1, kRows / steps_);
    for (int64_t n = 0; n < pass.count; n += images) {
      c.x = part.x.at(n);
      c.g = part.g.at(n);
      c.height = std::min(images, pass.count - n);
      c.accumulate = n > 0;
      pass.kernels.weight_gradient(c);
    }
    const int64_t inputs = c.last_input - c.first_input;
    if (c.last_panel == panels)
      weight.clear_padding(panels - 1, c.first_input, inputs);
    if (!pass.updater || weight.frozen()) return;
    for (int64_t panel = c.first_panel; panel < c.last_panel; ++panel) {
      const int64_t width = kernels::panel_width(weight.outputs, panel);
      pass.updater->update(
          weight,
          panel * kernels::kPanel * weight.inputs + c.first_input * width,
          inputs * width);
    }
  }

  Tensor &x_, &y_;
  Weight input_weight_, state_weight_, input_bias_, state_bias_;
  int64_t units_, steps_;
  Buffer input_memory_, product_memory_, state_memory_, g_memory_;
  Rows input_{}, product_{}, states_{}, g_{};   // g: of the state, one an image
  Buffer state_transposed_, input_transposed_;  // panels of [3 units, inputs]
};

}  // namespace

OpPtr make_gru(Tensor& x, Tensor& y, GruWeights weights) {
  return std::make_unique<Gru>(x, y, std::move(weights));
}

}  // namespace digitnet::engine::native
