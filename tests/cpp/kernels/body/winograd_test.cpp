// The stages of Winograd's convolution, one after another, against the direct
// formula in float64. The products at each point, between the stages, are
// computed here, in float64 too.
#include <algorithm>
#include <utility>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

struct Problem {
  int64_t kernel, side, inputs, outputs, height, width;
  int64_t images = 2;
  std::vector<float> x = real_numbers(images * input_size(), 1);
  std::vector<float> g = real_numbers(images * output_size(), 2);
  std::vector<float> weights =
      real_numbers(kernel * kernel * inputs * outputs, 3);
  std::vector<float> panels =
      in_panels(weights, kernel* kernel* inputs, outputs);
  std::vector<float> bias = real_numbers(padded(outputs), 4);

  int64_t rows() const { return height + kernel - 1; }
  int64_t columns() const { return width + kernel - 1; }
  int64_t input_size() const { return rows() * columns() * inputs; }
  int64_t output_size() const { return height * width * outputs; }
  int64_t points() const {
    return point_side(kernel, side) * point_side(kernel, side);
  }
  int64_t tiles() const {
    return images * ((height + side - 1) / side) * ((width + side - 1) / side);
  }
  // Where weights of one point lie.
  int64_t point_weights() const { return inputs * padded(outputs); }

  Tiles tiles_of(float* map, int64_t map_columns, int64_t channels,
                 int64_t image) const {
    Tiles t{};
    t.kernel = kernel;
    t.side = side;
    t.height = height;
    t.width = width;
    t.count = tiles();
    t.channels = t.pixel = channels;
    t.map = map;
    t.line = map_columns * channels;
    t.image = image;
    return t;
  }
  Tiles input_tiles(float* map) const {
    return tiles_of(map, columns(), inputs, input_size());
  }
  Tiles output_tiles(float* map) const {
    return tiles_of(map, width, outputs, output_size());
  }
  PointWeights point_weights_of(float* plain, float* points) const {
    return {kernel,          side,   inputs, outputs, 0, plain, points,
            point_weights(), kernel, 1,      0,       0};
  }

  float x_at(int64_t n, int64_t y, int64_t column, int64_t c) const {
    return x[n * input_size() + (y * columns() + column) * inputs + c];
  }
  float g_at(int64_t n, int64_t y, int64_t column, int64_t o) const {
    return g[n * output_size() + (y * width + column) * outputs + o];
  }
  float weight(int64_t i, int64_t j, int64_t c, int64_t o) const {
    return weights[((i * kernel + j) * inputs + c) * outputs + o];
  }
};

// Each of a transform's sums of float32 products loses some digits: far less
// than a wrong tap would.
constexpr double kTolerance = 2e-4;

std::vector<Problem> problems() {
  std::vector<Problem> result;
  for (const auto& [kernel, side] :
       std::vector<std::pair<int64_t, int64_t>>{{3, 2}, {3, 4}, {5, 2}}) {
    for (const int64_t inputs : {8, 16, 20})
      result.push_back({kernel, side, inputs, 24, 5, 7});
    result.push_back({kernel, side, 16, 40, 4, 4});
    result.push_back({kernel, side, 16, 18, 6, 9});
  }
  return result;
}

// Values at the points of all tiles, in two calls: tiles come in any portions.
template <class Stage>
void in_portions(const Stage& stage, Tiles tiles, std::vector<float>& points) {
  const int64_t total = tiles.count, some = total / 3;
  tiles.plane = total * tiles.channels;
  for (const auto& [first, count] :
       {std::pair{int64_t{0}, some}, {some, total - some}}) {
    tiles.first = first;
    tiles.count = count;
    tiles.points = points.data() + first * tiles.channels;
    stage(tiles);
  }
}

std::vector<float> weights_at_points(const Kernels& kernels, Problem& p) {
  std::vector<float> points(p.points() * p.point_weights() + kSlack);
  for (int64_t panel = 0; panel < panel_count(p.outputs); ++panel) {
    PointWeights w = p.point_weights_of(p.panels.data(), points.data());
    w.panel = panel;
    kernels.winograd_weights(w);
  }
  return points;
}

// The outputs of all images, pooled if there is an argmax.
std::vector<float> forward(const Kernels& kernels, Problem& p,
                           uint8_t* argmax) {
  const auto weights = weights_at_points(kernels, p);
  std::vector<float> x(p.points() * p.tiles() * p.inputs + kSlack);
  in_portions(kernels.winograd_input, p.input_tiles(p.x.data()), x);
  std::vector<float> result(p.images * p.output_size() + kSlack, kUntouched);
  for (int64_t panel = 0; panel < panel_count(p.outputs); ++panel) {
    const int64_t lanes = panel_width(p.outputs, panel);
    std::vector<float> y(p.points() * p.tiles() * lanes + kSlack);
    for (int64_t at = 0; at < p.points() * p.tiles(); ++at) {
      for (int64_t o = 0; o < std::min(lanes, p.outputs - panel * kPanel);
           ++o) {
        double sum = 0;
        for (int64_t c = 0; c < p.inputs; ++c) {
          sum +=
              static_cast<double>(x[at * p.inputs + c]) *
              weights[at / p.tiles() * p.point_weights() +
                      panel_offset(p.inputs, p.outputs, c, panel * kPanel + o)];
        }
        y[at * lanes + o] = static_cast<float>(sum);
      }
    }
    Tiles t = p.output_tiles(result.data() + panel * kPanel);
    t.channels = lanes;
    t.valid = p.outputs - panel * kPanel;
    t.bias = p.bias.data() + panel * kPanel;
    t.relu = true;
    if (argmax) {
      t.line = p.width / 2 * p.outputs;
      t.argmax = argmax + panel * kPanel;
      t.argmax_pixel = p.outputs;
      t.argmax_image = p.height / 2 * (p.width / 2) * p.outputs;
    }
    in_portions(kernels.winograd_output, t, y);
  }
  return result;
}

double sum_of(const Problem& p, int64_t n, int64_t row, int64_t column,
              int64_t o) {
  double sum = p.bias[o];
  for (int64_t i = 0; i < p.kernel; ++i)
    for (int64_t j = 0; j < p.kernel; ++j)
      for (int64_t c = 0; c < p.inputs; ++c)
        sum += static_cast<double>(p.x_at(n, row + i, column + j, c)) *
               p.weight(i, j, c, o);
  return sum;
}

TEST_P(EveryInstructionSet, ConvolvesByWinogradAsDirectly) {
  for (Problem& p : problems()) {
    const auto y = forward(kernels(), p, nullptr);
    for (int64_t n = 0; n < p.images; ++n) {
      for (int64_t pixel = 0; pixel < p.height * p.width; ++pixel) {
        for (int64_t o = 0; o < p.outputs; ++o) {
          const double sum = sum_of(p, n, pixel / p.width, pixel % p.width, o);
          ASSERT_NEAR(y[n * p.output_size() + pixel * p.outputs + o],
                      std::max(0.0, sum), kTolerance)
              << p.kernel << ", " << p.side << ", " << p.outputs;
        }
      }
    }
  }
}

TEST_P(EveryInstructionSet, PoolsByWinogradAsDirectly) {
  for (Problem& p : problems()) {
    const int64_t height = p.height / 2, width = p.width / 2;
    std::vector<uint8_t> argmax(p.images * height * width * p.outputs, 99);
    const auto y = forward(kernels(), p, argmax.data());
    for (int64_t n = 0; n < p.images; ++n) {
      for (int64_t pixel = 0; pixel < height * width; ++pixel) {
        const int64_t row = pixel / width * 2, column = pixel % width * 2;
        for (int64_t o = 0; o < p.outputs; ++o) {
          double largest = -1e30;
          for (int i = 0; i < 4; ++i)
            largest =
                std::max(largest, sum_of(p, n, row + i / 2, column + i % 2, o));
          ASSERT_NEAR(y[n * p.output_size() + pixel * p.outputs + o],
                      std::max(0.0, largest), kTolerance);
          const int where =
              argmax[(n * height * width + pixel) * p.outputs + o];
          ASSERT_LT(where, 4);
          ASSERT_NEAR(sum_of(p, n, row + where / 2, column + where % 2, o),
                      largest, kTolerance);
        }
      }
    }
  }
}

TEST_P(EveryInstructionSet, GivesTheInputsGradientByWinogradAsDirectly) {
  for (Problem& p : problems()) {
    if (p.outputs % 8) continue;  // whole vectors of gradients at the points
    const auto weights = weights_at_points(kernels(), p);
    std::vector<float> g(p.points() * p.tiles() * p.outputs + kSlack);
    in_portions(kernels().winograd_gradient, p.output_tiles(p.g.data()), g);
    std::vector<float> x(p.points() * p.tiles() * p.inputs + kSlack);
    for (int64_t at = 0; at < p.points() * p.tiles(); ++at) {
      for (int64_t c = 0; c < p.inputs; ++c) {
        double sum = 0;
        for (int64_t o = 0; o < p.outputs; ++o) {
          sum += static_cast<double>(g[at * p.outputs + o]) *
                 weights[at / p.tiles() * p.point_weights() +
                         panel_offset(p.inputs, p.outputs, c, o)];
        }
        x[at * p.inputs + c] = static_cast<float>(sum);
      }
    }
    std::vector<float> dx(p.images * p.input_size() + kSlack, 0.0f);
    in_portions(kernels().winograd_scatter, p.input_tiles(dx.data()), x);
    std::vector<double> expected(p.images * p.input_size(), 0.0);
    for (int64_t n = 0; n < p.images; ++n)
      for (int64_t y = 0; y < p.height; ++y)
        for (int64_t column = 0; column < p.width; ++column)
          for (int64_t i = 0; i < p.kernel; ++i)
            for (int64_t j = 0; j < p.kernel; ++j)
              for (int64_t c = 0; c < p.inputs; ++c)
                for (int64_t o = 0; o < p.outputs; ++o)
                  expected[n * p.input_size() +
                           ((y + i) * p.columns() + column + j) * p.inputs +
                           c] += static_cast<double>(p.g_at(n, y, column, o)) *
                                 p.weight(i, j, c, o);
    for (size_t at = 0; at < expected.size(); ++at)
      ASSERT_NEAR(dx[at], expected[at], kTolerance)
          << p.kernel << ", " << p.side << ", " << p.inputs;
  }
}

TEST_P(EveryInstructionSet, GivesTheWeightsGradientByWinogradAsDirectly) {
  for (Problem& p : problems()) {
    if (p.outputs % 8) continue;
    std::vector<float> x(p.points() * p.tiles() * p.inputs + kSlack);
    std::vector<float> g(p.points() * p.tiles() * p.outputs + kSlack);
    in_portions(kernels().winograd_input, p.input_tiles(p.x.data()), x);
    in_portions(kernels().winograd_gradient, p.output_tiles(p.g.data()), g);
    std::vector<float> products(p.points() * p.point_weights() + kSlack);
    for (int64_t point = 0; point < p.points(); ++point) {
      for (int64_t c = 0; c < p.inputs; ++c) {
        for (int64_t o = 0; o < p.outputs; ++o) {
          double sum = 0;
          for (int64_t tile = 0; tile < p.tiles(); ++tile) {
            const int64_t at = point * p.tiles() + tile;
            sum += static_cast<double>(x[at * p.inputs + c]) *
                   g[at * p.outputs + o];
          }
          products[point * p.point_weights() +
                   panel_offset(p.inputs, p.outputs, c, o)] =
              static_cast<float>(sum);
        }
      }
    }
    std::vector<float> gradient(p.panels.size());
    for (int64_t panel = 0; panel < panel_count(p.outputs); ++panel) {
      PointWeights w = p.point_weights_of(gradient.data(), products.data());
      w.panel = panel;
      kernels().winograd_weight_gradient(w);
    }
    for (int64_t tap = 0; tap < p.kernel * p.kernel; ++tap) {
      for (int64_t c = 0; c < p.inputs; ++c) {
        for (int64_t o = 0; o < p.outputs; ++o) {
          double sum = 0;
          for (int64_t n = 0; n < p.images; ++n)
            for (int64_t y = 0; y < p.height; ++y)
              for (int64_t column = 0; column < p.width; ++column)
                sum += static_cast<double>(p.x_at(n, y + tap / p.kernel,
                                                  column + tap % p.kernel, c)) *
                       p.g_at(n, y, column, o);
          ASSERT_NEAR(gradient[panel_offset(p.kernel * p.kernel * p.inputs,
                                            p.outputs, tap * p.inputs + c, o)],
                      sum, kTolerance)
              << p.kernel << ", " << p.side << ", " << p.inputs;
        }
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
