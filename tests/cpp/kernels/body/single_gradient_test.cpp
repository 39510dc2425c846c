// The weights' gradient of a pooled convolution of one input channel, exact on
// whole numbers.
#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

TEST_P(EveryInstructionSet, SumsTheFirstLayersGradientBehindAPool) {
  constexpr int64_t kHeight = 3, kWidth = 5;
  for (const int64_t kernel : {3, 5}) {
    for (const int64_t outputs : {1, 6, 8, 13, 16, 24, 32}) {
      for (const bool relu : {false, true}) {
        const int64_t columns = 2 * kWidth + kernel - 1;
        const auto x = whole_numbers(columns * (2 * kHeight + kernel - 1), 1);
        const auto g = whole_numbers(kHeight * kWidth * outputs, 2);
        const auto y = whole_numbers(kHeight * kWidth * outputs, 3, 1);
        const auto places = whole_numbers(kHeight * kWidth * outputs, 4);
        std::vector<uint8_t> argmax(kHeight * kWidth * outputs + kSlack);
        for (int64_t i = 0; i < kHeight * kWidth * outputs; ++i)
          argmax[i] = static_cast<uint8_t>(places[i] + 3) % 4;
        std::vector<float> gradient(kernel * kernel * padded(outputs), 7);
        std::vector<float> bias(padded(outputs), 7);
        std::vector<float> scratch(
            single_scratch_size(kernel, kHeight, kWidth) + kSlack);
        SingleGradient s{};
        s.x = x.data();
        s.x_row = columns;
        s.kernel = kernel;
        s.g = g.data();
        s.y = relu ? y.data() : nullptr;
        s.g_line = s.y_line = kWidth * outputs;
        s.argmax = argmax.data();
        s.height = kHeight;
        s.width = kWidth;
        s.outputs = outputs;
        s.scale = 2;
        s.gradient = gradient.data();
        s.bias = bias.data();
        s.scratch = scratch.data();
        kernels().single_gradient(s);
        for (int64_t o = 0; o < outputs; ++o) {
          std::vector<double> sums(kernel * kernel, 7.0);
          double total = 7;
          for (int64_t pixel = 0; pixel < kHeight * kWidth; ++pixel) {
            const int64_t at = pixel * outputs + o;
            if (relu && y[at] == 0) continue;
            const int64_t row = 2 * (pixel / kWidth) + argmax[at] / 2;
            const int64_t column = 2 * (pixel % kWidth) + argmax[at] % 2;
            total += 2.0 * g[at];
            for (int64_t tap = 0; tap < kernel * kernel; ++tap) {
              sums[tap] +=
                  2.0 * g[at] *
                  x[(row + tap / kernel) * columns + column + tap % kernel];
            }
          }
          ASSERT_EQ(bias[o], total) << kernel << ", " << outputs;
          for (int64_t tap = 0; tap < kernel * kernel; ++tap) {
            ASSERT_EQ(gradient[tap * padded(outputs) + o], sums[tap])
                << kernel << ", " << outputs << ", tap " << tap;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
