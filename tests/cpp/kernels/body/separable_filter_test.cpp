#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

TEST_P(EveryInstructionSet, FiltersAlongRowsAndColumns) {
  for (const int64_t radius : {0, 1, 2, 5}) {
    for (const int64_t width : {1, 7, 16, 28}) {
      constexpr int64_t kHeight = 6;
      const int64_t stride = width + 2 * radius + 3;
      const auto in = whole_numbers((kHeight + 2 * radius) * stride, 1);
      std::vector<float> taps = whole_numbers(2 * radius + 1, 2);
      for (int64_t t = 0; t < radius; ++t) taps[2 * radius - t] = taps[t];
      std::vector<float> row(width + 2 * radius + kSlack);
      std::vector<float> out(kHeight * width + 4, kUntouched);
      kernels().separable_filter({in.data(), kHeight, width, radius, stride,
                                  taps.data(), row.data(), out.data()});
      for (int64_t i = 0; i < kHeight * width; ++i) {
        double sum = 0;
        for (int64_t y = 0; y <= 2 * radius; ++y) {
          for (int64_t x = 0; x <= 2 * radius; ++x) {
            sum += static_cast<double>(taps[y]) * taps[x] *
                   in[(i / width + y) * stride + i % width + x];
          }
        }
        ASSERT_EQ(out[i], sum) << radius << ", " << width;
      }
      EXPECT_EQ(out[kHeight * width], kUntouched);
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
