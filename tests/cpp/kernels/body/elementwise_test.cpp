// Element by element against the functions of the standard library in float64.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_of(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }
double gelu_derivative(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2 +
         x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
}

// Dense near 0, and out to where float32 saturates.
std::vector<float> range() {
  std::vector<float> x;
  for (int i = -2000; i <= 2000; ++i) {
    x.push_back(static_cast<float>(i) * 1e-3f);
    x.push_back(static_cast<float>(i) * 0.05f);
  }
  return x;
}

struct Function {
  std::string name;
  void (*Kernels::*kernel)(const float*, float*, int64_t);
  double (*formula)(double);
};

TEST_P(EveryInstructionSet, ComputesActivationsToFloat32sPrecision) {
  for (const Function& f : std::vector<Function>{
           {"sigmoid", &Kernels::sigmoid, sigmoid_of},
           {"tanh", &Kernels::tanh, [](double x) { return std::tanh(x); }},
           {"gelu", &Kernels::gelu, gelu_of},
           {"relu", &Kernels::relu, [](double x) { return std::max(0.0, x); }},
           {"relu6", &Kernels::relu6,
            [](double x) { return std::clamp(x, 0.0, 6.0); }},
       }) {
    const auto x = range();
    std::vector<float> y(x.size());
    (kernels().*f.kernel)(x.data(), y.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) {
      const double expected = f.formula(x[i]);
      ASSERT_NEAR(y[i], expected, 5e-7 * std::max(1.0, std::abs(expected)))
          << f.name << " of " << x[i];
    }
  }
}

// By the output, or by the input in the case of gelu.
struct Derivative {
  std::string name;
  void (*Kernels::*kernel)(const float*, const float*, float*, int64_t);
  double (*formula)(double);
};

TEST_P(EveryInstructionSet, MultipliesGradientsByTheActivationsDerivative) {
  for (const Derivative& f : std::vector<Derivative>{
           {"sigmoid", &Kernels::sigmoid_gradient,
            [](double y) { return y * (1 - y); }},
           {"tanh", &Kernels::tanh_gradient,
            [](double y) { return 1 - y * y; }},
           {"gelu", &Kernels::gelu_gradient, gelu_derivative},
       }) {
    const auto x = range();
    const auto g = real_numbers(static_cast<int64_t>(x.size()), 1);
    std::vector<float> out(x.size());
    (kernels().*f.kernel)(x.data(), g.data(), out.data(),
                          static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) {
      const double expected = g[i] * f.formula(x[i]);
      ASSERT_NEAR(out[i], expected, 1e-6 * std::max(1.0, std::abs(expected)))
          << f.name << " at " << x[i];
    }
  }
}

TEST_P(EveryInstructionSet, SaturatesWithoutOverflow) {
  const std::vector<float> x = {-1e30f, -1000, 1000, 1e30f};
  std::vector<float> y(4);
  kernels().sigmoid(x.data(), y.data(), 4);
  EXPECT_NEAR(y[0], 0, 1e-30);
  EXPECT_EQ(y[3], 1);
  kernels().tanh(x.data(), y.data(), 4);
  EXPECT_EQ(y, (std::vector<float>{-1, -1, 1, 1}));
  kernels().gelu(x.data(), y.data(), 4);
  EXPECT_NEAR(y[0], 0, 1e-30);
  EXPECT_NEAR(y[1], 0, 1e-30);
  EXPECT_EQ(y[2], 1000);
  EXPECT_EQ(y[3], 1e30f);
}

TEST_P(EveryInstructionSet, TouchesNothingBehindTheLastElement) {
  for (int64_t count = 0; count <= 40; ++count) {
    const auto a = whole_numbers(count, 1), b = whole_numbers(count, 2);
    std::vector<float> out(count + 20, kUntouched);
    kernels().add(a.data(), b.data(), out.data(), count);
    for (int64_t i = 0; i < count; ++i) ASSERT_EQ(out[i], a[i] + b[i]);
    for (size_t i = count; i < out.size(); ++i) ASSERT_EQ(out[i], kUntouched);
    double total = 0;
    for (int64_t i = 0; i < count; ++i) total += a[i];
    ASSERT_EQ(kernels().sum(a.data(), count), total);
  }
}

TEST_P(EveryInstructionSet, PassesGradientsWhereReluWasAlive) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> y = {0, 2, -1, nan, 3}, g = {1, 2, 3, 4, 5};
  std::vector<float> out(5);
  kernels().relu_gradient(y.data(), g.data(), 10, out.data(), 5);
  EXPECT_EQ(out, (std::vector<float>{0, 20, 0, 40, 50}));
  kernels().relu(y.data(), out.data(), 5);
  EXPECT_TRUE(std::isnan(out[3]));
}

TEST_P(EveryInstructionSet, PassesGradientsWhereRelu6WasBetweenItsEnds) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> y = {0, 2, -1, nan, 6, 7}, g = {1, 2, 3, 4, 5, 6};
  std::vector<float> out(6);
  kernels().relu6_gradient(y.data(), g.data(), out.data(), 6);
  EXPECT_EQ(out, (std::vector<float>{0, 2, 0, 4, 0, 0}));
  kernels().relu6(y.data(), out.data(), 6);
  EXPECT_TRUE(std::isnan(out[3]));
}

TEST_P(EveryInstructionSet, FindsTheFirstLargestOfAWindow) {
  for (const int64_t channels : {1, 5, 16, 19}) {
    const int64_t width = 4;
    auto image = whole_numbers(width * width * channels, 1, 1);
    const std::vector<int32_t> taps = {
        0, static_cast<int32_t>(channels),
        static_cast<int32_t>(width * channels),
        static_cast<int32_t>((width + 1) * channels)};
    const auto corner = static_cast<int32_t>((width + 1) * channels);
    for (const int32_t tap : taps) image[corner + tap] = std::nanf("");
    std::vector<float> y(channels + 16, kUntouched);
    std::vector<int32_t> where(channels + 16, -7);
    kernels().max_of_taps(image.data(), corner, taps.data(), 4, channels,
                          y.data(), where.data());
    EXPECT_TRUE(std::isnan(y[0]));
    for (int64_t c = 1; c < channels; ++c) {
      int64_t best = corner + c;
      for (const int32_t tap : taps)
        if (image[corner + tap + c] > image[best]) best = corner + tap + c;
      EXPECT_EQ(y[c], image[best]);
      EXPECT_EQ(where[c], best);
    }
    EXPECT_EQ(y[channels], kUntouched);
    EXPECT_EQ(where[channels], -7);
  }
}

TEST_P(EveryInstructionSet, DropsElementsByTheirPlaceAlone) {
  constexpr int64_t kCount = 100'000;
  const std::vector<float> ones(kCount, 1.0f);
  const uint32_t key[2] = {3, 5};
  std::vector<float> whole(kCount), part(kCount), plain(kCount);
  kernels().dropout(ones.data(), whole.data(), kCount, 0.8, key, 1000);
  int64_t kept = 0;
  for (const float value : whole) {
    ASSERT_TRUE(value == 0 || value == 1.25f);
    kept += value != 0;
  }
  // Within five standard deviations of a binomial count.
  EXPECT_NEAR(static_cast<double>(kept), 0.8 * kCount,
              5 * std::sqrt(0.8 * 0.2 * kCount));
  for (int64_t at = 0; at < kCount; at += 977) {
    kernels().dropout(ones.data() + at, part.data() + at,
                      std::min<int64_t>(977, kCount - at), 0.8, key, 1000 + at);
  }
  EXPECT_EQ(whole, part);
  available().back()->dropout(ones.data(), plain.data(), kCount, 0.8, key,
                              1000);
  EXPECT_EQ(whole, plain);  // the same on every machine
}

TEST_P(EveryInstructionSet, DropsNothingWhenAllIsKept) {
  const auto x = whole_numbers(1000, 1);
  std::vector<float> y(x.size());
  const uint32_t key[2] = {1, 2};
  kernels().dropout(x.data(), y.data(), 1000, 1, key, 0);
  EXPECT_EQ(std::vector<float>(x.begin(), x.begin() + 1000),
            std::vector<float>(y.begin(), y.begin() + 1000));
}

}  // namespace
}  // namespace digitnet::kernels
