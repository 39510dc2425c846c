#include "engine/native/conv.h"

#include <algorithm>

namespace digitnet::engine::native {
namespace {

constexpr int64_t kLine = 16;  // floats of a cache line

}  // namespace

ConvBase::ConvBase(Tensor& x, Tensor& y, const ConvOptions& options,
                   Weight weight, Weight bias, uint32_t number)
    : x_(x),
      y_(y),
      options_(options),
      weight_(std::move(weight)),
      bias_(std::move(bias)),
      height_((x.height + 2 * options.padding - options.kernel) /
                  options.stride +
              1),
      width_((x.width + 2 * options.padding - options.kernel) / options.stride +
             1),
      run_(options.kernel * x.channels),
      run_padded_((run_ + kLine - 1) / kLine * kLine),
      tiling_(Tiling::of(options.kernel, options.stride, x.channels,
                         weight_.outputs, height_, width_)),
      number_(number) {
  x.need_value_pad(options.padding);
  if (tiling_) winograd_.emplace(*tiling_);
}

std::vector<Weight*> ConvBase::weights() {
  if (bias_.name.empty()) return {&weight_};
  return {&weight_, &bias_};
}

void ConvBase::prepare_forward(int64_t capacity, int threads) {
  if (options_.pool) argmax_.resize(capacity * y_.value.size() + kLine);
  if (winograd_) winograd_->prepare(threads);
}

bool ConvBase::by_panel() const {
  return !winograd_ && !options_.pool && weight_.count() > kLargeWeights;
}

void ConvBase::forward(const Pass& pass) {
  if (forward_by_images()) return Op::forward(pass);
  if (winograd_) winograd_->transform(pass, weight_.value);
  if (by_panel()) by_panels(pass);
  const int64_t group = winograd_ ? winograd_->images() : 1;
  const int64_t tasks = (pass.count + group - 1) / group;
  pass.pool.parallel_for(tasks, [&](int64_t task, int thread) {
    const int64_t first = task * group;
    const int64_t last = std::min(first + group, pass.count);
    if (winograd_) by_winograd(pass, first, last, thread);
    for (int64_t n = first; n < last; ++n) drop(pass, n);
  });
}

void ConvBase::forward_images(const Pass& pass, const Images& images) {
  for (int64_t n = images.first; n < images.last; ++n) {
    pass.kernels.convolve(convolution(n));
    drop(pass, n);
  }
}

void ConvBase::by_panels(const Pass& pass) {
  const int64_t groups = (pass.count + kServed - 1) / kServed;
  pass.pool.parallel_for(
      kernels::panel_count(weight_.outputs) * groups, [&](int64_t task) {
        const int64_t first = task % groups * kServed;
        convolve_by_rows(pass.kernels, convolution(first), task / groups,
                         std::min(kServed, pass.count - first),
                         x_.value.image(), y_.value.image());
      });
}

void ConvBase::by_winograd(const Pass& pass, int64_t first, int64_t last,
                           int thread) {
  const Map &x = x_.value, &y = y_.value;
  kernels::Tiles outputs = tiling_->over(y, y.at(0));
  outputs.bias = bias_.value;
  outputs.relu = options_.relu;
  if (options_.pool) {
    outputs.argmax = argmax_.data();
    outputs.argmax_pixel = y.channels;
    outputs.argmax_image = y.size();
  }
  winograd_->run(pass, tiling_->over(x, window(x, 0, options_.padding)),
                 outputs, first, last, thread);
}

kernels::Convolution ConvBase::convolution(int64_t n) {
  const Map &x = x_.value, &y = y_.value;
  kernels::Convolution c{};
  c.x = window(x, n, options_.padding);
  c.x_pixel = options_.stride * x.channels;
  c.x_line = options_.stride * x.row();
  c.x_row = x.row();
  c.rows = options_.kernel;
  c.run = run_;
  c.weights = weight_.value;
  c.weights_panel = kernels::kPanel * c.rows * c.run;
  c.bias = bias_.value;
  c.outputs = weight_.outputs;
  c.last_panel = kernels::panel_count(c.outputs);
  c.height = height_;
  c.width = width_;
  c.y = y.at(n);
  c.y_pixel = y.channels;
  c.y_line = y.row();
  c.relu = options_.relu;
  if (options_.pool) c.argmax = argmax_.data() + n * y.size();
  return c;
}

void ConvBase::drop(const Pass& pass, int64_t n) const {
  if (!pass.training || options_.dropout == 0) return;
  const Map& y = y_.value;
  const DropoutKey key(pass, number_);
  const int64_t line = y.width * y.channels;
  for (int64_t row = 0; row < y.height; ++row) {
    float* values = y.at(n, row);
    pass.kernels.dropout(values, values, line, 1 - options_.dropout, key.words,
                         static_cast<uint64_t>((n * y.height + row) * line));
  }
}

void ConvBase::reduce_bias(int64_t parts) {
  if (!bias_.gradient) return;
  std::fill_n(bias_.gradient, kernels::padded(weight_.outputs), 0.0f);
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t o = 0; o < weight_.outputs; ++o)
      bias_.gradient[o] +=
          bias_partial_.data()[part * kernels::padded(weight_.outputs) + o];
  }
}

void ConvBase::output_gradient(const Pass& pass, int64_t n, float* bias) const {
  const Map &y = y_.value, &g = y_.gradient;
  for (int64_t row = 0; row < y.height; ++row) {
    float* line = g.at(n, row);
    if (options_.relu) {
      pass.kernels.relu_gradient(y.at(n, row), line,
                                 kept_scale(pass, options_.dropout), line,
                                 y.width * y.channels);
    }
    if (bias)
      pass.kernels.column_sums(line, y.width, y.channels, y.channels, bias);
  }
}

void ConvBase::clear_border(const Map& map, int64_t n) {
  if (map.pad == 0) return;
  const int64_t edge = map.pad * map.channels;
  float* image = map.data + n * map.image();
  std::fill_n(image, map.pad * map.row(), 0.0f);
  std::fill_n(image + (map.height + map.pad) * map.row(), map.pad * map.row(),
              0.0f);
  for (int64_t y = 0; y < map.height; ++y) {
    float* row = map.at(n, y);
    std::fill_n(row - edge, edge, 0.0f);
    std::fill_n(row + map.width * map.channels, edge, 0.0f);
  }
}

void convolve_by_rows(const kernels::Kernels& kernels,
                      const kernels::Convolution& first, int64_t panel,
                      int64_t images, int64_t x_image, int64_t y_image) {
  kernels::Convolution c = first;
  c.first_panel = panel;
  c.last_panel = panel + 1;
  c.rows = 1;
  const int64_t weights = first.run * kernels::panel_width(c.outputs, panel);
  for (int64_t row = 0; row < first.rows; ++row) {
    c.weights = first.weights + row * weights;
    c.accumulate = first.accumulate || row > 0;
    c.relu = first.relu && row == first.rows - 1;
    for (int64_t n = 0; n < images; ++n) {
      c.x = first.x + row * first.x_row + n * x_image;
      c.y = first.y + n * y_image;
      kernels.convolve(c);
    }
  }
}

void transpose_panels(const kernels::Kernels& kernels, const float* from,
                      int64_t from_rows, int64_t from_row, int64_t rows,
                      int64_t columns, float* to, int64_t to_rows,
                      int64_t to_row) {
  constexpr int64_t kPanel = kernels::kPanel;
  for (int64_t c = 0; c < columns; c += kPanel) {
    const int64_t width = kernels::panel_width(columns, c / kPanel);
    for (int64_t r = 0; r < rows; r += kPanel) {
      const int64_t to_width = kernels::panel_width(rows, r / kPanel);
      kernels.transpose(from + c * from_rows + (from_row + r) * width,
                        std::min(kPanel, rows - r),
                        std::min(width, columns - c), width,
                        to + r * to_rows + (to_row + c) * to_width, to_width);
    }
  }
}

int64_t ConvBase::bytes() const {
  return (winograd_ ? winograd_->bytes() : 0) + bias_partial_.bytes() +
         static_cast<int64_t>(argmax_.size());
}

float* ConvBase::bias_of(int64_t chunk, bool starts) {
  const int64_t count = kernels::padded(weight_.outputs);
  float* bias = bias_partial_.data() + chunk * count;
  if (starts) std::fill_n(bias, count, 0.0f);
  return bias;
}

OpPtr make_conv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
                Weight bias, uint32_t number) {
  const bool tiled = Tiling::of(options.kernel, options.stride, x.channels,
                                weight.outputs, y.height, y.width)
                         .has_value();
  const bool phases =
      Tiling::of_phases(options.kernel, options.stride, x.channels,
                        weight.outputs, y.height, y.width)
          .has_value();
  const bool pointwise =
      options.kernel == 1 && options.stride == 1 && options.padding == 0;
  const auto make = first_conv_fits(x, options, weight) ? make_first_conv
                    : options.pool                      ? make_pooled_conv
                    : tiled                             ? make_winograd_conv
                    : phases    ? make_strided_winograd_conv
                    : pointwise ? make_pointwise_conv
                                : make_plain_conv;
  return make(x, y, options, std::move(weight), std::move(bias), number);
}

}  // namespace digitnet::engine::native
