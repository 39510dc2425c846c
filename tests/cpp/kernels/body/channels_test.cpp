// Sums and affine maps by channel, exact on whole numbers.
#include <algorithm>
#include <cmath>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

constexpr int64_t kCount = 11;  // pixels

constexpr Rectifier kRectifiers[] = {Rectifier::None, Rectifier::Relu,
                                     Rectifier::Relu6};

bool passes(Rectifier rectifier, double y) {
  return rectifier == Rectifier::None ||
         (y > 0 && (rectifier == Rectifier::Relu || y < 6));
}

TEST_P(EveryInstructionSet, SumsChannelsOverPixels) {
  for (const int64_t channels : {1, 4, 8, 16, 17, 40, 100}) {
    const auto x = whole_numbers(kCount * channels, 1);
    const auto pivot = whole_numbers(channels, 3);
    std::vector<float> totals(channels + 16, 5), sums = totals,
                                                 squares = totals;
    kernels().column_sums(x.data(), kCount, channels, channels, totals.data());
    kernels().column_moments(x.data(), pivot.data(), kCount, channels,
                             sums.data(), squares.data());
    for (int64_t c = 0; c < channels; ++c) {
      double total = 5, sum = 5, square = 5;
      for (int64_t i = 0; i < kCount; ++i) {
        const double off = x[i * channels + c] - pivot[c];
        total += x[i * channels + c];
        sum += off;
        square += off * off;
      }
      ASSERT_EQ(totals[c], total) << channels;
      ASSERT_EQ(sums[c], sum) << channels;
      ASSERT_EQ(squares[c], square) << channels;
    }
    for (const auto* each : {&totals, &sums, &squares})
      EXPECT_EQ((*each)[channels], 5);
  }
}

TEST_P(EveryInstructionSet, SumsGradientsThatPassARectifier) {
  for (const Rectifier rectifier : kRectifiers) {
    for (const int64_t channels : {1, 8, 17, 40, 100}) {
      const auto x = whole_numbers(kCount * channels, 1);
      const auto g = whole_numbers(kCount * channels, 2);
      const auto mean = whole_numbers(channels, 3),
                 a = whole_numbers(channels, 4), b = whole_numbers(channels, 5);
      std::vector<float> g_sums(channels + 16, 5), products = g_sums;
      kernels().column_products(
          {x.data(), g.data(), a.data(), b.data(), kCount, channels, rectifier},
          mean.data(), g_sums.data(), products.data());
      for (int64_t c = 0; c < channels; ++c) {
        double g_sum = 5, product = 5;
        for (int64_t i = c; i < kCount * channels; i += channels) {
          if (!passes(rectifier, x[i] * a[c] + b[c])) continue;
          g_sum += g[i];
          product += g[i] * (x[i] - mean[c]);
        }
        ASSERT_EQ(g_sums[c], g_sum) << channels;
        ASSERT_EQ(products[c], product) << channels;
      }
      EXPECT_EQ(g_sums[channels], 5);
      EXPECT_EQ(products[channels], 5);
    }
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
    const auto a = whole_numbers(channels, 3), b = whole_numbers(channels, 4);
    std::vector<float> y(kCount * channels), relu = y, relu6 = y;
    kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                     Rectifier::None, y.data());
    kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                     Rectifier::Relu, relu.data());
    kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                     Rectifier::Relu6, relu6.data());
    for (int64_t i = 0; i < kCount * channels; ++i) {
      const int64_t c = i % channels;
      ASSERT_EQ(y[i], x[i] * a[c] + b[c]);
      ASSERT_EQ(relu[i], std::max(0.0f, x[i] * a[c] + b[c]));
      ASSERT_EQ(relu6[i], std::clamp(x[i] * a[c] + b[c], 0.0f, 6.0f));
    }
    x[0] = std::nanf("");
    for (const Rectifier rectifier : {Rectifier::Relu, Rectifier::Relu6}) {
      kernels().affine(x.data(), a.data(), b.data(), kCount, channels,
                       rectifier, y.data());
      EXPECT_TRUE(std::isnan(y[0]));
    }
  }
}

TEST_P(EveryInstructionSet, PassesGradientsBackThroughEachChannelsLine) {
  for (const Rectifier rectifier : kRectifiers) {
    for (const int64_t channels : {1, 8, 17, 40}) {
      const auto x = whole_numbers(kCount * channels, 1);
      const auto g = whole_numbers(kCount * channels, 2);
      const auto a = whole_numbers(channels, 3), b = whole_numbers(channels, 4),
                 by_x = whole_numbers(channels, 5),
                 constant = whole_numbers(channels, 6);
      std::vector<float> out(kCount * channels + 1, 5);
      kernels().affine_gradient(
          {x.data(), g.data(), a.data(), b.data(), kCount, channels, rectifier},
          by_x.data(), constant.data(), out.data());
      for (int64_t i = 0; i < kCount * channels; ++i) {
        const int64_t c = i % channels;
        const float part = passes(rectifier, x[i] * a[c] + b[c]) ? g[i] : 0;
        ASSERT_EQ(out[i], part * a[c] + x[i] * by_x[c] + constant[c]);
      }
      EXPECT_EQ(out[kCount * channels], 5);
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
