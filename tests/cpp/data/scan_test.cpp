#include "data/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "core/error.h"

namespace digitnet::data {
namespace {

constexpr int64_t kHeight = 100, kWidth = 80;

// A bar of ink on paper.
std::vector<float> bar(float paper, float ink) {
  std::vector<float> grey(kHeight * kWidth, paper);
  for (int64_t y = 20; y < 70; ++y) {
    for (int64_t x = 10; x < 30; ++x) grey[y * kWidth + x] = ink;
  }
  return grey;
}

TEST(ScanToMnist, CentresTheInkAndFitsItIntoItsBox) {
  for (const auto& grey : {bar(240, 20), bar(15, 200)}) {  // either polarity
    const auto image = scan_to_mnist(grey.data(), kHeight, kWidth, 28);
    ASSERT_EQ(image.size(), 28u * 28);
    int64_t top = 28, bottom = -1, left = 28, right = -1;
    for (int64_t i = 0; i < 28 * 28; ++i) {
      if (image[i] < 128) continue;
      top = std::min(top, i / 28);
      bottom = std::max(bottom, i / 28);
      left = std::min(left, i % 28);
      right = std::max(right, i % 28);
    }
    EXPECT_EQ(bottom - top + 1, 20);  // 50 rows of ink to 20
    EXPECT_EQ(right - left + 1, 8);   // 20 columns alike
    EXPECT_EQ(top + bottom, 27);
    EXPECT_EQ(left + right, 27);
    EXPECT_EQ(*std::max_element(image.begin(), image.end()), 255);
  }
}

TEST(ScanToOptdigits, CountsInkInBlocks) {
  const auto grey = bar(240, 20);
  const auto image = scan_to_optdigits(grey.data(), kHeight, kWidth);
  ASSERT_EQ(image.size(), 64u);
  int64_t ink = 0;
  for (const uint8_t pixel : image) {
    EXPECT_LE(pixel, 16);
    ink += pixel;
  }
  EXPECT_NEAR(static_cast<double>(ink), 32 * 13, 16);  // the height is filled
  EXPECT_EQ(image[0], 0);                              // beside the bar
}

TEST(Scan, RefusesBlankPicturesAndTinyTargets) {
  const auto blank = bar(200, 190), grey = bar(240, 20);
  EXPECT_THROW(scan_to_mnist(blank.data(), kHeight, kWidth, 28), DataError);
  EXPECT_THROW(scan_to_optdigits(blank.data(), kHeight, kWidth), DataError);
  EXPECT_THROW(scan_to_mnist(grey.data(), kHeight, kWidth, 11),
               std::invalid_argument);
  EXPECT_THROW(scan_to_mnist(grey.data(), 0, 0, 28), DataError);
}

TEST(Scan, TakesASinglePixelOfInk) {
  std::vector<float> grey(9, 255.0f);
  grey[4] = 0;
  const auto image = scan_to_mnist(grey.data(), 3, 3, 28);
  EXPECT_EQ(std::count_if(image.begin(), image.end(),
                          [](uint8_t pixel) { return pixel > 0; }),
            400);  // 20 x 20
}

}  // namespace
}  // namespace digitnet::data
