// Softmax and layer norm at their ends; the native plan's tests compare their
// values and gradients with float64.
#include <cmath>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

TEST_P(EveryInstructionSet, SoftmaxOfLargeNumbersDoesNotOverflow) {
  for (const int64_t channels : {1, 7, 16, 21}) {
    std::vector<float> x(2 * channels + kSlack, -1e30f);
    x[channels - 1] = 1e30f;
    x[channels] = -3;  // of the second pixel
    std::vector<float> y(2 * channels + kSlack, kUntouched);
    kernels().softmax(x.data(), y.data(), 2, channels);
    EXPECT_EQ(y[channels - 1], 1);
    EXPECT_EQ(y[channels], 1);
    for (int64_t c = 1; c < channels; ++c) {
      EXPECT_NEAR(y[c - 1], 0, 1e-30);
      EXPECT_NEAR(y[channels + c], 0, 1e-30);
    }
    EXPECT_EQ(y[2 * channels], kUntouched);
  }
}

TEST_P(EveryInstructionSet, SoftmaxWithNanIsNan) {
  for (const int64_t place : {0, 4, 17}) {
    std::vector<float> x(18 + kSlack, 0.5f), y(18 + kSlack);
    x[place] = std::nanf("");
    kernels().softmax(x.data(), y.data(), 1, 18);
    for (int64_t c = 0; c < 18; ++c) EXPECT_TRUE(std::isnan(y[c]));
  }
}

TEST_P(EveryInstructionSet, LayerNormOfEqualChannelsIsItsShift) {
  for (const int64_t channels : {1, 5, 16, 35}) {
    const std::vector<float> x(3 * channels + kSlack, 7.0f);
    const auto scale = real_numbers(channels, 1);
    const auto shift = real_numbers(channels, 2);
    std::vector<float> y(3 * channels + kSlack, kUntouched), mean(3), std(3);
    kernels().layer_norm({x.data(), 3, channels, scale.data(), shift.data(),
                          1e-5f, y.data(), mean.data(), std.data()});
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(mean[i], 7);
      for (int64_t c = 0; c < channels; ++c)
        EXPECT_EQ(y[i * channels + c], shift[c]);
    }
    EXPECT_EQ(y[3 * channels], kUntouched);
  }
}

}  // namespace
}  // namespace digitnet::kernels
