// A convolution with stride 2 by Winograd's filtering, which knows none: the
// sum of four convolutions with stride 1, one of each phase of the pixels. Of a
// window of 5 x 5 taps:
//
//   0 1 0 1 0
//   2 3 2 3 2      phase 0 has 3 x 3 taps, 1 has 3 x 2, 2 has 2 x 3, and 3 has
//   0 1 0 1 0      2 x 2: all are filtered as 3 x 3 whose last row or column is
//   2 3 2 3 2      zero, and so are those weights at the points at infinity
//   0 1 0 1 0
//
// At each point the products of the phases are added up. Their weights there
// are many, 38 MB for 256 channels and 9 x 9 taps: all tiles of some images are
// at the points together, and share them.
#include <algorithm>
#include <numeric>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

constexpr int64_t kPhases = 4;

class StridedWinogradConv : public ConvBase {
 public:
  StridedWinogradConv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number)
      : ConvBase(x, y, options, std::move(weight), std::move(bias), number),
        phases_(*Tiling::of_phases(options.kernel, options.stride, x.channels,
                                   weight_.outputs, height_, width_)) {
    x.need_gradient_pad(options.padding);
    // What a point has of all phases is to stay in 640 KiB of a core's second
    // cache while its weights pass; whole blocks of 12 tiles, if any fit.
    constexpr int64_t kCached = 160 << 10, kBlock = 12;
    const int64_t tiles = phases_.tiles();
    const int64_t fit = kCached / (kPhases * tiles * x.channels);
    const int64_t whole = kBlock / std::gcd(kBlock, tiles);
    group_ = std::max<int64_t>(1, fit < whole ? fit : fit / whole * whole);
  }

  void prepare(int64_t capacity, bool training, int threads) override {
    prepare_forward(capacity, threads);
    const int64_t rows = phases_.tiles() * std::min(group_, capacity);
    const int64_t points = phases_.points();
    x_points_.reserve(kPhases * points * pitch_of(rows * x_.channels));
    y_points_.reserve(points * pitch_of(rows * weight_.outputs));
    weights_.reserve(kPhases * phases_.weights(points));
    if (!training) return;
    if (weight_.gradient) {
      weight_points_.reserve(kPhases * phases_.weights(points));
      bias_partial_.reserve(capacity * kernels::padded(weight_.outputs));
    }
    if (x_.needs_gradient) {
      transposed_.reserve(kPhases * points * weight_.outputs *
                          kernels::padded(x_.channels));
    }
  }

  bool forward_by_images() const override { return false; }
  void forward(const Pass& pass) override {
    const int64_t panels = kernels::panel_count(weight_.outputs);
    pass.pool.parallel_for(kPhases * panels, [&](int64_t task) {
      pass.kernels.winograd_weights(
          panel(task / panels, task % panels, weight_.value, weights_));
    });
    for (int64_t first = 0; first < pass.count; first += group_)
      forward(pass, first, std::min(first + group_, pass.count));
  }

  void backward(const Pass& pass) override {
    if (!x_.needs_gradient && !pass.weight_gradients) return;
    if (x_.needs_gradient) transpose_weights(pass);
    for (int64_t first = 0; first < pass.count; first += group_)
      backward(pass, first, std::min(first + group_, pass.count));
    if (!pass.weight_gradients) return;
    const int64_t panels = kernels::panel_count(weight_.outputs);
    pass.pool.parallel_for(panels, [&](int64_t p) {
      for (int64_t phase = 0; phase < kPhases; ++phase) {
        pass.kernels.winograd_weight_gradient(
            panel(phase, p, weight_.gradient, weight_points_));
      }
      weight_.clear_padding(p, 0, weight_.inputs);
    });
    reduce_bias(pass.count);
  }

  int64_t bytes() const override {
    return ConvBase::bytes() + x_points_.bytes() + y_points_.bytes() +
           weights_.bytes() + weight_points_.bytes() + transposed_.bytes();
  }

 private:
  // Images [first, last), each with its tiles, at all points.
  struct Group {
    int64_t first, last, rows;
  };

  // Of a phase's windows: taps along a side from row or column 0 or 1 on, and
  // how many fewer these are than the filtering has.
  int64_t zeros(int64_t from) const {
    return phases_.kernel - (options_.kernel - from + 1) / 2;
  }
  // Whether a phase's weights are not all zero at a point.
  bool has(int64_t phase, int64_t point) const {
    const int64_t side = kernels::point_side(phases_.kernel, phases_.side);
    const auto zero = [&](int64_t from, int64_t at) {
      return zeros(from) > 0 && at == side - 1;
    };
    return !zero(phase / 2, point / side) && !zero(phase % 2, point % side);
  }

  kernels::PointWeights panel(int64_t phase, int64_t panel, float* weights,
                              Buffer& points) const {
    kernels::PointWeights w = phases_.panel(
        panel, weights,
        points.data() + phase * phases_.weights(phases_.points()));
    w.window = options_.kernel;
    w.step = 2;
    w.row = phase / 2;
    w.column = phase % 2;
    return w;
  }
  // What a phase has at a point: weights, and those transposed.
  float* at_point(Buffer& weights, int64_t phase, int64_t point) const {
    return weights.data() + phases_.weights(phase * phases_.points() + point);
  }
  float* transposed(int64_t phase, int64_t point) {
    return transposed_.data() + (phase * phases_.points() + point) *
                                    weight_.outputs *
                                    kernels::padded(x_.channels);
  }
  float* x_at(int64_t phase, int64_t point, int64_t rows) {
    return x_points_.data() +
           (phase * phases_.points() + point) * pitch_of(rows * x_.channels);
  }
  float* y_at(int64_t point, int64_t rows) {
    return y_points_.data() + point * pitch_of(rows * weight_.outputs);
  }

  // The tiles of image n of the group: a phase's windows, and the outputs.
  kernels::Tiles windows(const Map& map, int64_t phase, int64_t n,
                         const Group& group) {
    const int64_t row = phase / 2, column = phase % 2;
    kernels::Tiles t =
        phases_.over(map, window(map, n, options_.padding) + row * map.row() +
                              column * map.channels);
    t.pixel = 2 * map.channels;
    t.line = 2 * map.row();
    t.zero_rows = zeros(row);
    t.zero_columns = zeros(column);
    t.points = x_at(phase, 0, group.rows) +
               (n - group.first) * phases_.tiles() * map.channels;
    t.plane = pitch_of(group.rows * map.channels);
    return t;
  }
  kernels::Tiles outputs(const Map& map, int64_t n, const Group& group) {
    kernels::Tiles t = phases_.over(map, map.at(n));
    t.points = y_at(0, group.rows) +
               (n - group.first) * phases_.tiles() * map.channels;
    t.plane = pitch_of(group.rows * map.channels);
    return t;
  }

  void forward(const Pass& pass, int64_t first, int64_t last) {
    const Group group{first, last, (last - first) * phases_.tiles()};
    pass.pool.parallel_for(last - first, [&](int64_t i) {
      for (int64_t phase = 0; phase < kPhases; ++phase) {
        pass.kernels.winograd_input(windows(x_.value, phase, first + i, group));
      }
    });
    const int64_t panels = kernels::panel_count(weight_.outputs);
    pass.pool.parallel_for(phases_.points() * panels, [&](int64_t task) {
      products(pass, task / panels, task % panels, group.rows);
    });
    pass.pool.parallel_for(last - first, [&](int64_t i) {
      kernels::Tiles y = outputs(y_.value, first + i, group);
      y.valid = weight_.outputs;
      y.bias = bias_.value;
      y.relu = options_.relu;
      pass.kernels.winograd_output(y);
      if (pass.training && options_.dropout > 0) drop(pass, first + i);
    });
  }

  // One panel of outputs at a point: the sum over the phases.
  void products(const Pass& pass, int64_t point, int64_t panel, int64_t rows) {
    for (int64_t phase = 0; phase < kPhases; ++phase) {
      if (!has(phase, point)) continue;
      kernels::Convolution c = product(
          x_at(phase, point, rows), rows, x_.channels,
          at_point(weights_, phase, point), weight_.outputs, y_at(point, rows));
      c.first_panel = panel;
      c.last_panel = panel + 1;
      c.accumulate = phase > 0;
      pass.kernels.convolve(c);
    }
  }

  void backward(const Pass& pass, int64_t first, int64_t last) {
    const Group group{first, last, (last - first) * phases_.tiles()};
    pass.pool.parallel_for(last - first, [&](int64_t i) {
      const int64_t n = first + i;
      output_gradient(pass, n, pass.weight_gradients ? start_bias(n) : nullptr);
      pass.kernels.winograd_gradient(outputs(y_.gradient, n, group));
      if (!pass.weight_gradients) return;
      for (int64_t phase = 0; phase < kPhases; ++phase)
        pass.kernels.winograd_input(windows(x_.value, phase, n, group));
    });
    pass.pool.parallel_for(phases_.points() * kPhases, [&](int64_t task) {
      const int64_t point = task / kPhases, phase = task % kPhases;
      if (pass.weight_gradients && has(phase, point))
        weight_gradient(pass, phase, point, group);
      if (x_.needs_gradient) input_gradient(pass, phase, point, group.rows);
    });
    if (!x_.needs_gradient) return;
    pass.pool.parallel_for(last - first, [&](int64_t i) {
      const Map& dx = x_.gradient;
      dx.clear(first + i);
      for (int64_t phase = 0; phase < kPhases; ++phase)
        pass.kernels.winograd_scatter(windows(dx, phase, first + i, group));
      clear_border(dx, first + i);
    });
  }

  void weight_gradient(const Pass& pass, int64_t phase, int64_t point,
                       const Group& group) {
    kernels::WeightGradient c{};
    c.x = x_at(phase, point, group.rows);
    c.x_pixel = c.run = c.last_input = x_.channels;
    c.rows = c.height = c.images = 1;
    c.g = y_at(point, group.rows);
    c.g_pixel = c.outputs = weight_.outputs;
    c.last_panel = kernels::panel_count(c.outputs);
    c.width = group.rows;
    c.gradient = at_point(weight_points_, phase, point);
    c.accumulate = group.first > 0;
    pass.kernels.weight_gradient(c);
  }

  // In the place of the windows, which are not needed any more.
  void input_gradient(const Pass& pass, int64_t phase, int64_t point,
                      int64_t rows) {
    float* const dx = x_at(phase, point, rows);
    if (!has(phase, point)) {
      std::fill_n(dx, rows * x_.channels, 0.0f);
      return;
    }
    pass.kernels.convolve(product(y_at(point, rows), rows, weight_.outputs,
                                  transposed(phase, point), x_.channels, dx));
  }

  void transpose_weights(const Pass& pass) {
    pass.pool.parallel_for(kPhases * phases_.points(), [&](int64_t task) {
      const int64_t phase = task / phases_.points();
      const int64_t point = task % phases_.points();
      if (!has(phase, point)) return;
      transpose_panels(pass.kernels, at_point(weights_, phase, point),
                       x_.channels, 0, x_.channels, weight_.outputs,
                       transposed(phase, point), weight_.outputs, 0);
    });
  }

  Tiling phases_;               // of each phase
  int64_t group_;               // images taken together
  Buffer x_points_, y_points_;  // of a group; of each phase, of each point
  Buffer weights_;              // at the points, of each phase, of each point
  Buffer weight_points_;        // their gradient there
  Buffer transposed_;           // they, transposed
};

}  // namespace

OpPtr make_strided_winograd_conv(Tensor& x, Tensor& y,
                                 const ConvOptions& options, Weight weight,
                                 Weight bias, uint32_t number) {
  return std::make_unique<StridedWinogradConv>(x, y, options, std::move(weight),
                                               std::move(bias), number);
}

}  // namespace digitnet::engine::native
