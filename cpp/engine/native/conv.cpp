#include "engine/native/conv.h"

#include <algorithm>
#include <cstring>

namespace digitnet::engine::native {
namespace {

constexpr int64_t kLine = 16;  // floats of a cache line

}  // namespace

bool WinogradStage::pays(int64_t kernel, int64_t stride, int64_t inputs,
                         int64_t outputs, int64_t height, int64_t width) {
  return stride == 1 && (kernel == 3 || kernel == 5) && inputs >= 16 &&
         outputs >= 16 && height * width >= 48;
}

void WinogradStage::prepare(int64_t kernel, int64_t inputs, int64_t outputs,
                            int64_t width, int threads) {
  kernel_ = kernel;
  inputs_ = inputs;
  outputs_ = outputs;
  weights_.reserve(kernels::winograd_weights_size(kernel, inputs, outputs));
  scratch_size_ =
      kernels::winograd_scratch_size(kernel, inputs, width) + kernels::kSlack;
  scratch_.reserve(threads * scratch_size_);
}

void WinogradStage::transform(const Pass& pass, const float* weights) {
  pass.pool.run(kernels::panel_count(outputs_), [&](int64_t panel) {
    pass.kernels.winograd_weights(weights, kernel_, inputs_, outputs_, panel,
                                  weights_.data());
  });
}

void WinogradStage::run(const Pass& pass, kernels::Convolution c, int thread) {
  c.weights = weights_.data();
  pass.kernels.winograd({c, scratch_.data() + thread * scratch_size_});
}

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
      run_room_((run_ + kLine - 1) / kLine * kLine),
      number_(number),
      uses_winograd_(WinogradStage::pays(options.kernel, options.stride,
                                         x.channels, weight_.outputs, height_,
                                         width_)) {
  x.need_value_pad(options.padding);
}

std::vector<Weight*> ConvBase::weights() {
  if (bias_.name.empty()) return {&weight_};
  return {&weight_, &bias_};
}

void ConvBase::prepare_forward(int64_t capacity, int threads) {
  if (options_.pool) argmax_.resize(capacity * y_.value.size() + kLine);
  if (uses_winograd_) {
    winograd_.prepare(options_.kernel, x_.channels, weight_.outputs, width_,
                      threads);
  }
}

void ConvBase::forward(const Pass& pass) {
  if (uses_winograd_) winograd_.transform(pass, weight_.value);
  pass.pool.run(pass.count, [&](int64_t n, int thread) {
    if (uses_winograd_) {
      winograd_.run(pass, convolution(n), thread);
    } else {
      pass.kernels.convolve(convolution(n));
    }
    if (pass.training && options_.dropout > 0) drop(pass, n);
  });
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
  const Map& y = y_.value;
  const uint32_t key[2] = {pass.key[0] + number_, pass.key[1]};
  const int64_t line = y.width * y.channels;
  for (int64_t row = 0; row < y.height; ++row) {
    float* values = y.at(n, row);
    pass.kernels.dropout(values, values, line, 1 - options_.dropout, key,
                         static_cast<uint64_t>((n * y.height + row) * line));
  }
}

float ConvBase::gradient_scale() const {
  return static_cast<float>(1 / (1 - options_.dropout));
}

void ConvBase::sum_bias(const Chunks& chunks) {
  if (!bias_.gradient) return;
  std::fill_n(bias_.gradient, kernels::padded(weight_.outputs), 0.0f);
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    for (int64_t o = 0; o < weight_.outputs; ++o)
      bias_.gradient[o] += bias_partial(chunk)[o];
  }
}

void ConvBase::clear(const Map& map, int64_t n) {
  std::memset(map.data + n * map.image(), 0, map.image() * sizeof(float));
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

OpPtr make_conv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
                Weight bias, uint32_t number) {
  const auto make = first_conv_fits(x, options, weight) ? make_first_conv
                    : options.pool                      ? make_pooled_conv
                                                        : make_plain_conv;
  return make(x, y, options, std::move(weight), std::move(bias), number);
}

}  // namespace digitnet::engine::native
