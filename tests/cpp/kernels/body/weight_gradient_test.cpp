// The weights' gradient against the formula in float64, exact on whole numbers.
#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

struct Problem {
  int64_t inputs, outputs, kernel, stride, height, width;
  int64_t images = 3;
  std::vector<float> x = whole_numbers(images * rows() * columns() * inputs, 1);
  std::vector<float> g = whole_numbers(images * height * width * outputs, 2);

  int64_t rows() const { return (height - 1) * stride + kernel; }
  int64_t columns() const { return (width - 1) * stride + kernel; }
  int64_t taps() const { return kernel * kernel * inputs; }

  WeightGradient call(float* gradient) const {
    WeightGradient c{};
    c.x = x.data();
    c.x_pixel = stride * inputs;
    c.x_line = stride * columns() * inputs;
    c.x_row = columns() * inputs;
    c.rows = kernel;
    c.run = c.last_input = kernel * inputs;
    c.g = g.data();
    c.g_pixel = outputs;
    c.g_line = width * outputs;
    c.outputs = outputs;
    c.last_panel = panel_count(outputs);
    c.height = height;
    c.width = width;
    c.images = images;
    c.x_image = rows() * columns() * inputs;
    c.g_image = height * width * outputs;
    c.gradient = gradient;
    return c;
  }

  // tap: (row of the window, column, channel).
  double sum(int64_t tap, int64_t output) const {
    const int64_t i = tap / (kernel * inputs), run = tap % (kernel * inputs);
    double result = 0;
    for (int64_t n = 0; n < images; ++n) {
      for (int64_t y = 0; y < height; ++y) {
        for (int64_t column = 0; column < width; ++column) {
          const int64_t at = (n * rows() + y * stride + i) * columns() +
                             column * stride + run / inputs;
          result += static_cast<double>(x[at * inputs + run % inputs]) *
                    g[((n * height + y) * width + column) * outputs + output];
        }
      }
    }
    return result;
  }
};

std::vector<Problem> problems() {
  std::vector<Problem> result;
  for (const int64_t outputs : {1, 7, 8, 16, 24, 32, 40, 70})
    result.push_back({3, outputs, 3, 1, 4, 5});
  for (int64_t inputs = 1; inputs <= 18; ++inputs)
    result.push_back({inputs, 24, 1, 1, 1, 6});
  result.push_back({2, 20, 5, 2, 3, 2});
  return result;
}

TEST_P(EveryInstructionSet, SumsTheWeightsGradientOverImagesAndPixels) {
  for (const Problem& p : problems()) {
    std::vector<float> gradient(p.taps() * padded(p.outputs), kUntouched);
    kernels().weight_gradient(p.call(gradient.data()));
    for (int64_t tap = 0; tap < p.taps(); ++tap) {
      for (int64_t o = 0; o < p.outputs; ++o) {
        ASSERT_EQ(gradient[panel_offset(p.taps(), p.outputs, tap, o)],
                  p.sum(tap, o))
            << p.inputs << " inputs, " << p.outputs << " outputs, tap " << tap;
      }
    }
  }
}

TEST_P(EveryInstructionSet, AddsTheWeightsGradientOfSomeInputsOnly) {
  const Problem p{9, 20, 1, 1, 1, 6};
  std::vector<float> gradient(p.taps() * padded(p.outputs), 5);
  WeightGradient c = p.call(gradient.data());
  c.first_input = 2;
  c.last_input = 7;
  c.accumulate = true;
  kernels().weight_gradient(c);
  for (int64_t tap = 0; tap < p.taps(); ++tap) {
    for (int64_t o = 0; o < p.outputs; ++o) {
      const bool added = tap >= 2 && tap < 7;
      EXPECT_EQ(gradient[panel_offset(p.taps(), p.outputs, tap, o)],
                5 + (added ? p.sum(tap, o) : 0));
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
