// Convolutions and dense layers against the formula in float64, on whole
// numbers: every sum is exact, and so is every comparison.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

constexpr int64_t kGap = 3;  // floats between the outputs of two pixels

// A convolution of one image, its numbers and its formula.
struct Problem {
  int64_t inputs, outputs, kernel, stride;
  int64_t height, width;  // of the output, before pooling
  std::vector<float> x = whole_numbers(rows() * columns() * inputs, 1);
  std::vector<float> weights =
      whole_numbers(kernel * kernel * inputs * outputs, 2);
  std::vector<float> panels =
      in_panels(weights, kernel* kernel* inputs, outputs);
  std::vector<float> bias = whole_numbers(padded(outputs), 3);

  int64_t rows() const { return (height - 1) * stride + kernel; }
  int64_t columns() const { return (width - 1) * stride + kernel; }

  double sum(int64_t row, int64_t column, int64_t output) const {
    double result = bias[output];
    for (int64_t i = 0; i < kernel; ++i) {
      for (int64_t j = 0; j < kernel; ++j) {
        for (int64_t c = 0; c < inputs; ++c) {
          const int64_t y = row * stride + i, x_at = column * stride + j;
          result +=
              static_cast<double>(x[(y * columns() + x_at) * inputs + c]) *
              weights[((i * kernel + j) * inputs + c) * outputs + output];
        }
      }
    }
    return result;
  }

  // y: [height, width, outputs + kGap].
  Convolution call(float* y) const {
    Convolution c{};
    c.x = x.data();
    c.x_pixel = stride * inputs;
    c.x_line = stride * columns() * inputs;
    c.x_row = columns() * inputs;
    c.rows = kernel;
    c.run = kernel * inputs;
    c.weights = panels.data();
    c.weights_panel = kPanel * c.rows * c.run;
    c.bias = bias.data();
    c.outputs = outputs;
    c.last_panel = panel_count(outputs);
    c.height = height;
    c.width = width;
    c.y = y;
    c.y_pixel = outputs + kGap;
    c.y_line = width * c.y_pixel;
    return c;
  }
};

// Every width of a register block, and what is left behind the blocks.
std::vector<Problem> problems() {
  std::vector<Problem> result;
  for (const int64_t outputs : {1, 6, 8, 16, 20, 24, 32, 33, 40, 56, 70})
    result.push_back({3, outputs, 3, 1, 4, 7});
  for (int64_t width = 1; width <= 17; ++width)
    result.push_back({2, 24, 1, 1, 2, width});
  for (const int64_t kernel : {1, 2, 3, 5, 7})
    result.push_back({5, 10, kernel, 2, 3, 5});
  return result;
}

TEST_P(EveryInstructionSet, ConvolvesAsTheFormulaSays) {
  for (const Problem& p : problems()) {
    for (const bool relu : {false, true}) {
      std::vector<float> y(p.height * p.width * (p.outputs + kGap), kUntouched);
      Convolution c = p.call(y.data());
      c.relu = relu;
      kernels().convolve(c);
      for (int64_t pixel = 0; pixel < p.height * p.width; ++pixel) {
        const float* values = y.data() + pixel * c.y_pixel;
        for (int64_t o = 0; o < p.outputs; ++o) {
          const double sum = p.sum(pixel / p.width, pixel % p.width, o);
          ASSERT_EQ(values[o], relu ? std::max(0.0, sum) : sum)
              << p.outputs << " outputs, width " << p.width << ", kernel "
              << p.kernel << ", pixel " << pixel << ", output " << o;
        }
        for (int64_t gap = 0; gap < kGap; ++gap)
          ASSERT_EQ(values[p.outputs + gap], kUntouched);
      }
    }
  }
}

TEST_P(EveryInstructionSet, PoolsTheLargestOfFourAndSaysWhichOneItWas) {
  std::vector<Problem> cases = problems();
  for (int64_t height = 2; height <= 5; ++height)
    cases.push_back({1, 6, 3, 1, height, 9});
  for (const Problem& p : cases) {
    if (p.height < 2 || p.width < 2) continue;
    const int64_t height = p.height / 2, width = p.width / 2;
    std::vector<float> y(height * width * (p.outputs + kGap), kUntouched);
    std::vector<uint8_t> argmax(height * width * p.outputs, 99);
    Convolution c = p.call(y.data());
    c.y_line = width * c.y_pixel;
    c.argmax = argmax.data();
    kernels().convolve(c);
    for (int64_t pixel = 0; pixel < height * width; ++pixel) {
      for (int64_t o = 0; o < p.outputs; ++o) {
        double largest = -std::numeric_limits<double>::infinity();
        int where = 0;
        for (int i = 0; i < 4; ++i) {
          const double sum =
              p.sum(pixel / width * 2 + i / 2, pixel % width * 2 + i % 2, o);
          if (sum <= largest) continue;  // of equal ones the first
          largest = sum;
          where = i;
        }
        ASSERT_EQ(y[pixel * c.y_pixel + o], largest) << p.outputs;
        ASSERT_EQ(argmax[pixel * p.outputs + o], where) << p.outputs;
      }
      for (int64_t gap = 0; gap < kGap; ++gap)
        ASSERT_EQ(y[pixel * c.y_pixel + p.outputs + gap], kUntouched);
    }
  }
}

TEST_P(EveryInstructionSet, ConvolvesOnTopOfWhatIsThere) {
  for (const Problem& p : problems()) {
    const std::vector<float> before =
        whole_numbers(p.height * p.width * (p.outputs + kGap), 4);
    std::vector<float> y = before;
    Convolution c = p.call(y.data());
    c.accumulate = true;
    kernels().convolve(c);
    for (int64_t pixel = 0; pixel < p.height * p.width; ++pixel) {
      for (int64_t o = 0; o < p.outputs; ++o) {
        const int64_t at = pixel * c.y_pixel + o;
        ASSERT_EQ(y[at] - before[at],
                  p.sum(pixel / p.width, pixel % p.width, o) - p.bias[o]);
      }
    }
  }
}

TEST_P(EveryInstructionSet, ComputesOnlyTheRequestedPanels) {
  const Problem p{4, 70, 1, 1, 1, 9};
  std::vector<float> y(p.width * (p.outputs + kGap), kUntouched);
  Convolution c = p.call(y.data());
  c.first_panel = 1;
  c.last_panel = 2;
  kernels().convolve(c);
  for (int64_t pixel = 0; pixel < p.width; ++pixel) {
    for (int64_t o = 0; o < p.outputs; ++o) {
      const bool computed = o >= kPanel && o < 2 * kPanel;
      EXPECT_EQ(y[pixel * c.y_pixel + o],
                computed ? p.sum(0, pixel, o) : kUntouched);
    }
  }
}

TEST_P(EveryInstructionSet, PassesAWindowOfNaNThroughReluAndPool) {
  Problem p{1, 3, 1, 1, 2, 4};
  for (const int64_t at : {0, 1, 4, 5}) p.x[at] = std::nanf("");
  std::vector<float> y(2 * (p.outputs + kGap), kUntouched);
  std::vector<uint8_t> argmax(2 * p.outputs);
  Convolution c = p.call(y.data());
  c.argmax = argmax.data();
  c.relu = true;
  kernels().convolve(c);
  for (int64_t o = 0; o < p.outputs; ++o) {
    EXPECT_TRUE(std::isnan(y[o]));
    EXPECT_TRUE(std::isfinite(y[c.y_pixel + o]));
  }
}

}  // namespace
}  // namespace digitnet::kernels
