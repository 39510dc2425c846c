#include "pictures/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "core/error.h"

namespace digitnet::pictures {
namespace {

constexpr int64_t kHeight = 100, kWidth = 80;

// A bar of ink on paper.
std::vector<float> bar(float paper, float ink) {
  std::vector<float> grey(kHeight * kWidth, paper);
  for (int64_t y = 20; y < 70; ++y) {
    for (int64_t x = 12; x < 27; ++x) grey[y * kWidth + x] = ink;
  }
  return grey;
}

TEST(ScanAsMnist, CentresTheInkAndFitsItIntoItsBox) {
  for (const auto& grey : {bar(240, 20), bar(15, 200)}) {  // either polarity
    const auto image =
        scan(grey.data(), kHeight, kWidth, Form::Mnist, 28).image;
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
    EXPECT_EQ(right - left + 1, 6);   // 15 columns alike
    EXPECT_EQ(top + bottom, 27);
    EXPECT_NEAR(static_cast<double>(left + right), 27, 1);
    EXPECT_EQ(*std::max_element(image.begin(), image.end()), 255);
  }
}

TEST(ScanAsOptdigits, CountsInkInBlocks) {
  const auto grey = bar(240, 20);
  const auto image =
      scan(grey.data(), kHeight, kWidth, Form::Optdigits, 8).image;
  ASSERT_EQ(image.size(), 64u);
  int64_t ink = 0;
  for (const uint8_t pixel : image) {
    EXPECT_LE(pixel, 16);
    ink += pixel;
  }
  EXPECT_NEAR(static_cast<double>(ink), 32 * 9.6, 32);  // the height is filled
  EXPECT_EQ(image[0], 0);                               // beside the bar
}

TEST(Scan, RefusesBlankPicturesAndTinyTargets) {
  const auto blank = bar(200, 190), grey = bar(240, 20);
  EXPECT_THROW(scan(blank.data(), kHeight, kWidth, Form::Mnist, 28), DataError);
  EXPECT_THROW(scan(blank.data(), kHeight, kWidth, Form::Optdigits, 8),
               DataError);
  EXPECT_THROW(scan(grey.data(), kHeight, kWidth, Form::Mnist, 11),
               std::invalid_argument);
  EXPECT_THROW(scan(grey.data(), 0, 0, Form::Mnist, 28), DataError);
}

TEST(Scan, SaysWhereTheDigitIsAndThatThereIsOne) {
  const auto grey = bar(240, 20);
  const Scan seen = scan(grey.data(), kHeight, kWidth, Form::Mnist, 28);
  EXPECT_NEAR(static_cast<double>(seen.box.top), 20, 1);
  EXPECT_NEAR(static_cast<double>(seen.box.left), 12, 1);
  EXPECT_NEAR(static_cast<double>(seen.box.height), 50, 2);
  EXPECT_NEAR(static_cast<double>(seen.box.width), 15, 2);
  EXPECT_EQ(seen.digits, 1);
  EXPECT_EQ(seen.certainty, 1);
  EXPECT_TRUE(seen.is_dark);
}

TEST(Scan, CountsDigitsThatStandApart) {
  auto grey = bar(240, 20);
  for (int64_t y = 25; y < 70; ++y)
    for (int64_t x = 55; x < 65; ++x) grey[y * kWidth + x] = 20;
  const Scan seen = scan(grey.data(), kHeight, kWidth, Form::Mnist, 28);
  EXPECT_EQ(seen.digits, 2);
  EXPECT_LT(seen.certainty, 0.8);
}

TEST(Scan, EndsOnEverySizeOfAnyContent) {
  for (const int64_t height : {1, 2, 3, 40, 500}) {
    for (const int64_t width : {1, 2, 3, 40, 500}) {
      for (const int64_t period : {1, 2, 7}) {
        std::vector<float> grey(height * width);
        for (int64_t i = 0; i < height * width; ++i)
          grey[i] = (i / width + i % width) % (2 * period) < period ? 255.f : 0;
        try {
          EXPECT_EQ(
              scan(grey.data(), height, width, Form::Mnist, 28).image.size(),
              784u);
        } catch (const DataError&) {
        }
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::pictures
