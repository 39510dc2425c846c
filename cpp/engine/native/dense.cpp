// Dense layer with bias, ReLU and dropout in one pass.
#include <algorithm>

#include "engine/native/op.h"

namespace digitnet::engine::native {
namespace {

using kernels::kPanel;

// How the work is cut into tasks: small enough that a batch of 128 and few
// panels keep several threads busy, and multiples of the register blocks
// (kernels/body/blocks.h), 12 pixels of which fill AVX-512's registers. Images
// are the pixels of the forward pass, inputs those of the gradients.
constexpr int64_t kImages = 48;  // of one forward task: 4 blocks
// Of one gradient task: 8 blocks, whose columns of x, for 128 images, take 48
// KiB of a core's second cache while all panels read them.
constexpr int64_t kInputs = 96;
constexpr int64_t kPanels = 4;    // of one gradient task
constexpr int64_t kColumns = 64;  // of one bias task: whole cache lines

class Dense : public Op {
 public:
  Dense(Tensor& x, Tensor& y, bool relu, double dropout, Weight weight,
        Weight bias, uint32_t number)
      : x_(x),
        y_(y),
        relu_(relu),
        dropout_(dropout),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        number_(number) {
    // A gradient task has its weights' whole gradient, and they are still in
    // the core's cache: the optimizer's step follows at once.
    weight_.early = true;
  }

  std::vector<Weight*> weights() override {
    if (bias_.name.empty()) return {&weight_};
    return {&weight_, &bias_};
  }

  void prepare(int64_t capacity, bool training, int threads) override {
    if (!training) return;
    if (weight_.gradient) {
      packed_size_ = capacity * kInputs;
      packed_.reserve(threads * packed_size_);
    }
    if (!x_.needs_gradient) return;
    const int64_t images = kernels::padded(capacity);
    transposed_.reserve(weight_.outputs * images);
    transposed_dx_.reserve(weight_.inputs * images);
  }

  void forward(const Pass& pass) override {
    const int64_t panels = kernels::panel_count(weight_.outputs);
    const int64_t blocks = (pass.count + kImages - 1) / kImages;
    pass.pool.parallel_for(panels * blocks, [&](int64_t task) {
      const int64_t first = task % blocks * kImages;
      const int64_t panel = task / blocks;
      kernels::Convolution c{};
      c.x = x_.value.at(first);
      c.x_pixel = x_.value.image();
      c.rows = 1;
      c.run = weight_.inputs;
      c.weights = weight_.value;
      c.weights_panel = kPanel * c.run;
      c.bias = bias_.value;
      c.outputs = weight_.outputs;
      c.first_panel = panel;
      c.last_panel = panel + 1;
      c.height = 1;
      c.width = std::min(kImages, pass.count - first);
      c.y = y_.value.at(first);
      c.y_pixel = y_.value.image();
      c.relu = relu_;
      pass.kernels.convolve(c);
    });
    if (pass.training && dropout_ > 0) drop(pass);
  }

  void backward(const Pass& pass) override {
    if (relu_) {
      const float scale = kept_scale(pass, dropout_);
      each_image(pass, [&](int64_t n) {
        float* g = y_.gradient.at(n);
        pass.kernels.relu_gradient(y_.value.at(n), g, scale, g,
                                   weight_.outputs);
      });
    }
    if (x_.needs_gradient) input_gradient(pass);
    if (pass.weight_gradients)
      weight_gradient(pass);  // last: it may change the weights
  }

  int64_t bytes() const override {
    return transposed_.bytes() + transposed_dx_.bytes() + packed_.bytes();
  }

 private:
  void drop(const Pass& pass) const {
    const DropoutKey key(pass, number_);
    each_image(pass, [&](int64_t n) {
      float* y = y_.value.at(n);
      pass.kernels.dropout(y, y, weight_.outputs, 1 - dropout_, key.words,
                           static_cast<uint64_t>(n * weight_.outputs));
    });
  }

  void weight_gradient(const Pass& pass) {
    const int64_t outputs = weight_.outputs;
    const int64_t panels = kernels::panel_count(outputs);
    const int64_t groups = (panels + kPanels - 1) / kPanels;
    const int64_t blocks = (weight_.inputs + kInputs - 1) / kInputs;
    pass.pool.parallel_for(groups * blocks, [&](int64_t task, int thread) {
      const int64_t first = task / groups * kInputs;
      const int64_t inputs = std::min(kInputs, weight_.inputs - first);
      // The block's columns of x side by side: each panel reads them anew, and
      // rows of x far apart would share few places of the cache.
      float* x = packed_.data() + thread * packed_size_;
      for (int64_t n = 0; n < pass.count; ++n)
        std::copy_n(x_.value.at(n) + first, inputs, x + n * kInputs);
      kernels::WeightGradient c{};
      c.x = x - first;
      c.x_pixel = kInputs;
      c.rows = 1;
      c.run = weight_.inputs;
      c.g = y_.gradient.at(0);
      c.g_pixel = y_.gradient.image();
      c.outputs = outputs;
      c.first_panel = task % groups * kPanels;
      c.last_panel = std::min(c.first_panel + kPanels, panels);
      c.first_input = first;
      c.last_input = first + inputs;
      c.height = 1;
      c.width = pass.count;
      c.images = 1;
      c.gradient = weight_.gradient;
      pass.kernels.weight_gradient(c);
      if (c.last_panel == panels)
        weight_.clear_padding(panels - 1, first, inputs);
      if (!pass.updater || weight_.frozen()) return;
      for (int64_t panel = c.first_panel; panel < c.last_panel; ++panel) {
        const int64_t width = kernels::panel_width(outputs, panel);
        pass.updater->update(weight_,
                             panel * kPanel * weight_.inputs + first * width,
                             inputs * width);
      }
    });
    if (!bias_.gradient) return;
    std::fill_n(bias_.gradient, kernels::padded(outputs), 0.0f);
    pass.pool.parallel_for(
        (outputs + kColumns - 1) / kColumns, [&](int64_t task) {
          const int64_t first = task * kColumns;
          pass.kernels.column_sums(
              y_.gradient.at(0) + first, pass.count, y_.gradient.image(),
              std::min(kColumns, outputs - first), bias_.gradient + first);
        });
  }

  // dx^T = W g^T with the images in the lanes: the weights are read as they
  // lie, and only the small matrices are transposed.
  void input_gradient(const Pass& pass) {
    const int64_t outputs = weight_.outputs, inputs = weight_.inputs;
    const int64_t image_panels = kernels::panel_count(pass.count);
    float* transposed = transposed_.data();
    pass.pool.parallel_for(image_panels, [&](int64_t panel) {
      const int64_t first = panel * kPanel;
      pass.kernels.transpose(y_.gradient.at(first),
                             std::min(kPanel, pass.count - first), outputs,
                             y_.gradient.image(), transposed + first * outputs,
                             kernels::panel_width(pass.count, panel));
    });
    const int64_t blocks = (inputs + kInputs - 1) / kInputs;
    const int64_t whole = outputs / kPanel;
    const int64_t images = kernels::padded(pass.count);
    pass.pool.parallel_for(blocks, [&](int64_t block) {
      const int64_t first = block * kInputs;
      kernels::Convolution c{};
      c.outputs = pass.count;
      c.last_panel = image_panels;
      c.weights_panel = kPanel * outputs;
      c.height = 1;
      c.width = std::min(kInputs, inputs - first);
      c.y = transposed_dx_.data() + first * images;
      c.y_pixel = images;
      if (whole > 0) {
        c.x = weight_.value + first * kPanel;
        c.x_pixel = c.run = kPanel;
        c.x_row = kPanel * inputs;
        c.rows = whole;
        c.weights = transposed;
        pass.kernels.convolve(c);
      }
      if (outputs % kPanel) {
        c.accumulate = whole > 0;
        c.x_pixel = kernels::panel_width(outputs, whole);
        c.x = weight_.value + whole * kPanel * inputs + first * c.x_pixel;
        c.rows = 1;
        c.run = outputs % kPanel;
        // The panels of images narrow at the end: each is addressed alone.
        for (int64_t panel = 0; panel < image_panels; ++panel) {
          c.first_panel = panel;
          c.last_panel = panel + 1;
          c.weights = transposed +
                      whole * kPanel * kernels::panel_width(pass.count, panel);
          pass.kernels.convolve(c);
        }
      }
      pass.kernels.transpose(transposed_dx_.data() + first * images, c.width,
                             pass.count, images, x_.gradient.at(0) + first,
                             x_.gradient.image());
    });
  }

  Tensor &x_, &y_;
  bool relu_;
  double dropout_;
  Weight weight_, bias_;
  uint32_t number_;
  int64_t packed_size_ = 0;
  Buffer packed_;                      // a block of x, of each thread
  Buffer transposed_, transposed_dx_;  // g^T in panels of images; dx^T
};

}  // namespace

OpPtr make_dense(Tensor& x, Tensor& y, bool relu, double dropout, Weight weight,
                 Weight bias, uint32_t number) {
  return std::make_unique<Dense>(x, y, relu, dropout, std::move(weight),
                                 std::move(bias), number);
}

}  // namespace digitnet::engine::native
