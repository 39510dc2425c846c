#include <algorithm>
#include <limits>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

std::vector<int16_t> gradients(int64_t count, uint64_t seed) {
  std::vector<int16_t> values(count + kSlack);
  Draws draws(seed, 1000, 0, 0);
  for (int64_t i = 0; i < count; ++i)
    values[i] =
        static_cast<int16_t>(static_cast<int64_t>(draws.below(2041)) - 1020);
  return values;
}

TEST_P(EveryInstructionSet, SumsSquaredDifferencesOfBytes) {
  for (const int64_t count : {1, 15, 784, 40'000}) {
    std::vector<uint8_t> a(count), b(count);
    int64_t expected = 0;
    for (int64_t i = 0; i < count; ++i) {
      a[i] = i % 3 == 0 ? 255 : static_cast<uint8_t>(i * 37);
      b[i] = i % 3 == 0 ? 0 : static_cast<uint8_t>(i * 11);
      expected += (a[i] - b[i]) * (a[i] - b[i]);
    }
    EXPECT_EQ(kernels().squared_distance(a.data(), b.data(), count), expected);
  }
}

// The definition, pixel after pixel.
int64_t least_costs(const Distortion& p) {
  const int64_t border = p.warp + p.context;
  const int64_t plane = (p.height + 2 * border) * p.row;
  int64_t sum = 0;
  for (int64_t i = 0; i < p.height * p.width; ++i) {
    const int64_t y = i / p.width, x = i % p.width;
    int64_t best = std::numeric_limits<int64_t>::max();
    for (int64_t q = std::max<int64_t>(0, y - p.warp);
         q <= std::min(p.height - 1, y + p.warp); ++q) {
      for (int64_t r = std::max<int64_t>(0, x - p.warp);
           r <= std::min(p.width - 1, x + p.warp); ++r) {
        int64_t cost = 0;
        for (int64_t layer = 0; layer < p.layers; ++layer) {
          for (int64_t m = -p.context; m <= p.context; ++m) {
            for (int64_t n = -p.context; n <= p.context; ++n) {
              const int64_t a =
                  p.image[layer * plane + (y + m + border) * p.row + x + n +
                          border];
              const int64_t b =
                  p.reference[layer * plane + (q + m + border) * p.row + r + n +
                              border];
              cost += (a - b) * (a - b);
            }
          }
        }
        best = std::min(best, cost);
      }
    }
    sum += best;
  }
  return sum;
}

TEST_P(EveryInstructionSet, FindsTheBestCounterpartOfEveryPixel) {
  for (const int64_t width : {1, 5, 17, 28}) {
    for (const int64_t warp : {0, 1, 3}) {
      for (const int64_t context : {0, 1, 2}) {
        for (const int64_t layers : {2, 6}) {
          constexpr int64_t kHeight = 7;
          const int64_t border = warp + context, row = width + 2 * border;
          const int64_t size = layers * (kHeight + 2 * border) * row;
          const auto image = gradients(size, 1), reference = gradients(size, 2);
          const int64_t needed = distortion_work(kHeight, width, context);
          std::vector<int32_t> work(needed + 1, 77);
          const Distortion pair{image.data(), reference.data(), row,
                                layers,       kHeight,          width,
                                warp,         context,          work.data()};
          EXPECT_EQ(kernels().distortion(pair), least_costs(pair))
              << width << ", " << warp << ", " << context << ", " << layers;
          EXPECT_EQ(work[needed], 77);
        }
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
