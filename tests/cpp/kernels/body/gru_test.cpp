// A step against the formulas in float64.
#include <cmath>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST_P(EveryInstructionSet, GruStepsFollowTheFormulasAndWriteNothingBeyond) {
  for (const int64_t units : {1, 5, 16, 23, 64}) {
    auto input = real_numbers(3 * units, 1),
         product = real_numbers(3 * units, 2);
    const auto a = input, b = product, state = real_numbers(units, 3);
    std::vector<float> next(units + kSlack, kUntouched);
    input[3 * units] = product[3 * units] = kUntouched;
    kernels().gru_step(
        {units, input.data(), product.data(), state.data(), next.data()});
    auto g = real_numbers(units, 4);
    const auto d = g;
    kernels().gru_step_gradient(
        {units, input.data(), product.data(), state.data(), g.data()});
    for (int64_t u = 0; u < units; ++u) {
      const double q = b[2 * units + u], h = state[u];
      const double r = sigmoid(double(a[u]) + b[u]);
      const double z = sigmoid(double(a[units + u]) + b[units + u]);
      const double n = std::tanh(a[2 * units + u] + r * q);
      const double d_n = d[u] * (1 - z) * (1 - n * n);
      EXPECT_NEAR(next[u], (1 - z) * n + z * h, 1e-6);
      EXPECT_NEAR(input[u], d_n * q * r * (1 - r), 1e-6);
      EXPECT_NEAR(input[units + u], d[u] * (h - n) * z * (1 - z), 1e-6);
      EXPECT_NEAR(input[2 * units + u], d_n, 1e-6);
      EXPECT_EQ(product[u], input[u]);
      EXPECT_EQ(product[units + u], input[units + u]);
      EXPECT_NEAR(product[2 * units + u], d_n * r, 1e-6);
      EXPECT_NEAR(g[u], d[u] * z, 1e-6);
    }
    EXPECT_EQ(next[units], kUntouched);
    EXPECT_EQ(input[3 * units], kUntouched);
    EXPECT_EQ(product[3 * units], kUntouched);
  }
}

}  // namespace
}  // namespace digitnet::kernels
