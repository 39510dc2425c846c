// The backward pass of a convolution without a pool behind it by Winograd's
// filtering: the transposes of the forward pass' transforms, and two products
// at each point.
#include <algorithm>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

class WinogradConv : public ConvBase {
 public:
  WinogradConv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
               Weight bias, uint32_t number)
      : ConvBase(x, y, options, std::move(weight), std::move(bias), number) {
    x.need_gradient_pad(options.padding);
    // Between the stages all tiles of a group are at the points: as many images
    // as fit into 4 MiB of shared cache.
    constexpr int64_t kCached = 1 << 20;
    const int64_t floats =
        tiling_->points() * tiling_->tiles() * (x.channels + weight_.outputs);
    group_ = std::max<int64_t>(1, kCached / floats);
  }

  void prepare(int64_t capacity, bool training, int threads) override {
    prepare_forward(capacity, threads);
    if (!training) return;
    const int64_t values =
        tiling_->points() * tiling_->tiles() * std::min(group_, capacity);
    x_points_.reserve(values * x_.channels);
    g_points_.reserve(values * weight_.outputs);
    if (weight_.gradient) {
      weight_points_.reserve(tiling_->weights(tiling_->points()));
      bias_partial_.reserve(capacity * kernels::padded(weight_.outputs));
    }
    if (x_.needs_gradient) {
      transposed_.reserve(tiling_->points() * weight_.outputs *
                          kernels::padded(x_.channels));
    }
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient && !pass.weight_gradients) return;
    if (x_.needs_gradient) transpose_weights(pass);
    for (int64_t first = 0; first < pass.count; first += group_)
      images(pass, first, std::min(first + group_, pass.count));
    if (!pass.weight_gradients) return;
    pass.pool.parallel_for(
        kernels::panel_count(weight_.outputs), [&](int64_t panel) {
          pass.kernels.winograd_weight_gradient(
              tiling_->panel(panel, weight_.gradient, weight_points_.data()));
          weight_.clear_padding(panel, 0, weight_.inputs);
        });
    reduce_bias(pass.count);
  }

  int64_t bytes() const override {
    return ConvBase::bytes() + x_points_.bytes() + g_points_.bytes() +
           weight_points_.bytes() + transposed_.bytes();
  }

 private:
  // Images [first, last): their windows and gradients at the points, what these
  // give each point, and back to the input's gradient.
  void images(const Pass& pass, int64_t first, int64_t last) {
    const int64_t tiles = tiling_->tiles(), rows = (last - first) * tiles;
    const auto over = [&](const Map& map, float* start, Buffer& points,
                          int64_t n) {
      kernels::Tiles result = tiling_->over(map, start);
      result.points = points.data() + (n - first) * tiles * map.channels;
      result.plane = rows * map.channels;
      return result;
    };
    pass.pool.parallel_for(last - first, [&](int64_t i) {
      const int64_t n = first + i;
      const Map &x = x_.value, &g = y_.gradient;
      output_gradient(pass, n, pass.weight_gradients ? start_bias(n) : nullptr);
      pass.kernels.winograd_gradient(over(g, g.at(n), g_points_, n));
      if (!pass.weight_gradients) return;
      pass.kernels.winograd_input(
          over(x, window(x, n, options_.padding), x_points_, n));
    });
    pass.pool.parallel_for(tiling_->points(), [&](int64_t point) {
      if (pass.weight_gradients) weight_gradient(pass, point, rows, first > 0);
      if (x_.needs_gradient) input_gradient(pass, point, rows);
    });
    if (!x_.needs_gradient) return;
    pass.pool.parallel_for(last - first, [&](int64_t i) {
      const int64_t n = first + i;
      const Map& dx = x_.gradient;
      dx.clear(n);
      pass.kernels.winograd_scatter(
          over(dx, window(dx, n, options_.padding), x_points_, n));
      clear_border(dx, n);
    });
  }

  void weight_gradient(const Pass& pass, int64_t point, int64_t rows,
                       bool accumulate) {
    kernels::WeightGradient c{};
    c.x = x_points_.data() + point * rows * x_.channels;
    c.x_pixel = c.run = c.last_input = x_.channels;
    c.rows = c.height = c.images = 1;
    c.g = g_points_.data() + point * rows * weight_.outputs;
    c.g_pixel = c.outputs = weight_.outputs;
    c.last_panel = kernels::panel_count(c.outputs);
    c.width = rows;
    c.gradient = weight_points_.data() + tiling_->weights(point);
    c.accumulate = accumulate;
    pass.kernels.weight_gradient(c);
  }

  // In the place of the windows, which are not needed any more.
  void input_gradient(const Pass& pass, int64_t point, int64_t rows) {
    pass.kernels.convolve(
        product(g_points_.data() + point * rows * weight_.outputs, rows,
                weight_.outputs, transposed(point), x_.channels,
                x_points_.data() + point * rows * x_.channels));
  }

  void transpose_weights(const Pass& pass) {
    pass.pool.parallel_for(tiling_->points(), [&](int64_t point) {
      transpose_panels(pass.kernels,
                       winograd_->weights() + tiling_->weights(point),
                       x_.channels, 0, x_.channels, weight_.outputs,
                       transposed(point), weight_.outputs, 0);
    });
  }

  float* transposed(int64_t point) {
    return transposed_.data() +
           point * weight_.outputs * kernels::padded(x_.channels);
  }

  int64_t group_;               // images taken together
  Buffer x_points_, g_points_;  // of a group
  Buffer weight_points_;        // the weights' gradient at the points
  Buffer transposed_;           // the weights at the points, transposed
};

}  // namespace

OpPtr make_winograd_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                         Weight weight, Weight bias, uint32_t number) {
  return std::make_unique<WinogradConv>(x, y, options, std::move(weight),
                                        std::move(bias), number);
}

}  // namespace digitnet::engine::native
