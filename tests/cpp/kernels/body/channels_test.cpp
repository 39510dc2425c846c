// Sums and affine maps by channel, exact on whole numbers.
#include <algorithm>
#include <cmath>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

constexpr int64_t kCount = 11;  // pixels

TEST_P(EveryInstructionSet, SumsChannelsOverPixels) {
  for (const int64_t channels : {1, 4, 8, 16, 17, 40}) {
    const auto x = whole_numbers(kCount * channels, 1);
    const auto g = whole_numbers(kCount * channels, 2);
    const auto mean = whole_numbers(channels, 3);
    std::vector<float> sums(channels + 16, 5), squares = sums, g_sums = sums,
                                               products = sums;
    kernels().column_sums(x.data(), kCount, channels, channels, sums.data());
    kernels().column_squares(x.data(), mean.data(), kCount, channels,
                             squares.data());
    kernels().column_products(x.data(), mean.data(), g.data(), kCount, channels,
                              g_sums.data(), products.data());
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 5, square = 5, g_sum = 5, product = 5;
      for (int64_t i = 0; i < kCount; ++i) {
        const double centred = x[i * channels + c] - mean[c];
        sum += x[i * channels + c];
        square += centred * centred;
        g_sum += g[i * channels + c];
        product += g[i * channels + c] * centred;
      }
      ASSERT_EQ(sums[c], sum) << channels;
      ASSERT_EQ(squares[c], square) << channels;
      ASSERT_EQ(g_sums[c], g_sum) << channels;
      ASSERT_EQ(products[c], product) << channels;
    }
    for (const auto* each : {&sums, &squares, &g_sums, &products})
      EXPECT_EQ((*each)[channels], 5);
  }
}

TEST_P(EveryInstructionSet, SumsSomeChannelsOfWiderPixels) {
  const auto x = whole_numbers(kCount * 50, 1);
  std::vector<float> sums(20, 0);
  kernels().column_sums(x.data() + 7, kCount, 50, 20, sums.data());
  for (int64_t c = 0; c < 20; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < kCount; ++i) sum += x[i * 50 + 7 + c];
    EXPECT_EQ(sums[c], sum);
  }
}

TEST_P(EveryInstructionSet, MapsEachChannelByItsOwnLine) {
  for (const int64_t channels : {1, 8, 17}) {
    auto x = whole_numbers(kCount * channels, 1);
    const auto g = whole_numbers(kCount * channels, 2);
    const auto a = whole_numbers(channels, 3), b = whole_numbers(channels, 4),
               d = whole_numbers(channels, 5);
    std::vector<float> y(kCount * channels), relu = y, relu6 = y, out = y;
    kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                     Rectifier::None, y.data());
    kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                     Rectifier::Relu, relu.data());
    kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                     Rectifier::Relu6, relu6.data());
    kernels().affine_gradient(g.data(), x.data(), a.data(), b.data(), d.data(),
                              kCount, channels, out.data());
    for (int64_t i = 0; i < kCount * channels; ++i) {
      const int64_t c = i % channels;
      ASSERT_EQ(y[i], x[i] * a[c] + b[c]);
      ASSERT_EQ(relu[i], std::max(0.0f, x[i] * a[c] + b[c]));
      ASSERT_EQ(relu6[i], std::clamp(x[i] * a[c] + b[c], 0.0f, 6.0f));
      ASSERT_EQ(out[i], g[i] * a[c] + x[i] * b[c] + d[c]);
    }
    x[0] = std::nanf("");
    for (const Rectifier rectifier : {Rectifier::Relu, Rectifier::Relu6}) {
      kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                       rectifier, y.data());
      EXPECT_TRUE(std::isnan(y[0]));
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
