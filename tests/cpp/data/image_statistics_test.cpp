#include "data/image_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace digitnet::data {
namespace {

constexpr int64_t kSide = 16, kSize = kSide * kSide;

// `count` black images with a white bar from row 4 to 11 in columns 6 and 7.
std::vector<uint8_t> bars(int64_t count, uint8_t ground = 0,
                          uint8_t ink = 255) {
  std::vector<uint8_t> pixels(count * kSize, ground);
  for (int64_t n = 0; n < count; ++n)
    for (int64_t y = 4; y < 12; ++y)
      for (int64_t x = 6; x < 8; ++x) pixels[n * kSize + y * kSide + x] = ink;
  return pixels;
}

DatasetView view_of(const std::vector<uint8_t>& pixels) {
  DatasetView view;
  view.count = static_cast<int64_t>(pixels.size()) / kSize;
  view.images = {
      pixels.data(), PixelType::UInt8, view.count, {1, kSide, kSide}};
  return view;
}

TEST(ImageStatistics, KnowTheRangeOfBordersAndWhatIsInside) {
  auto pixels = bars(3);
  for (int64_t x = 0; x < kSide; ++x) pixels[2 * kSize + x] = 255;  // a top row
  const auto found = border_statistics(view_of(pixels), 255);
  EXPECT_DOUBLE_EQ(found.low[0], 0);
  EXPECT_DOUBLE_EQ(found.high[0], 16. / 60);  // of 4 x 15 pixels
  EXPECT_DOUBLE_EQ(found.brighter_inside, 2. / 3);
}

TEST(ImageStatistics, CountImagesThatLookInverted) {
  const auto dark = bars(4), bright = bars(4, 255, 0), grey = bars(4, 128, 64);
  const auto known = border_statistics(view_of(dark), 255);
  EXPECT_EQ(count_inverted(view_of(dark), 255, known).inverted, 0);
  EXPECT_EQ(count_inverted(view_of(grey), 255, known).inverted, 0);
  const auto found = count_inverted(view_of(bright), 255, known);
  EXPECT_EQ(found.inverted, 4);
  EXPECT_EQ(found.sampled, 4);
  EXPECT_DOUBLE_EQ(found.border, 1);
}

TEST(ImageStatistics, ABrightGroundWithBrighterInkIsNotInverted) {
  const auto known = border_statistics(view_of(bars(4)), 255);
  EXPECT_EQ(count_inverted(view_of(bars(4, 200, 255)), 255, known).inverted, 0);
  EXPECT_EQ(count_inverted(view_of(bars(4, 255, 255)), 255, known).inverted, 0);
}

TEST(ImageStatistics, ASetOfBothGroundsHasNoInverse) {
  auto both = bars(4);
  const auto bright = bars(4, 255, 0);
  both.insert(both.end(), bright.begin(), bright.end());
  const auto known = border_statistics(view_of(both), 255);
  EXPECT_EQ(count_inverted(view_of(bright), 255, known).inverted, 0);
}

TEST(ImageStatistics, LookAtASampleOfLargeSetsAndAtTheRowsOfAPart) {
  auto pixels = bars(600);
  const auto known = border_statistics(view_of(pixels), 255);
  const auto bright = bars(1, 255, 0);
  std::copy(bright.begin(), bright.end(), pixels.begin() + 7 * kSize);
  EXPECT_EQ(count_inverted(view_of(pixels), 255, known).sampled, 256);
  const std::vector<int64_t> rows = {7};
  auto part = view_of(pixels);
  part.rows = rows.data();
  part.count = 1;
  EXPECT_EQ(count_inverted(part, 255, known).inverted, 1);
}

TEST(ImageStatistics, ImagesWithoutAnInsideHaveNone) {
  const std::vector<uint8_t> pixels(8);
  DatasetView view;
  view.count = 2;
  view.images = {pixels.data(), PixelType::UInt8, 2, {1, 2, 2}};
  const auto known = border_statistics(view, 255);
  EXPECT_TRUE(known.low.empty());
  EXPECT_EQ(count_inverted(view, 255, known).inverted, 0);
  EXPECT_TRUE(mean_grid(view, 255, 9).empty());
}

TEST(ImageStatistics, TheMeanGridIsTheMeanOfItsBlocks) {
  const auto pixels = bars(5);
  const auto grid = mean_grid(view_of(pixels), 255, 9);
  ASSERT_EQ(grid.size(), kGrid * kGrid);
  EXPECT_DOUBLE_EQ(grid[2 * kGrid + 3], 1);  // rows 4 and 5, columns 6 and 7
  EXPECT_DOUBLE_EQ(grid[2 * kGrid + 2], 0);
  EXPECT_DOUBLE_EQ(grid[6 * kGrid + 3], 0);
}

TEST(ImageStatistics, TheMeanGridOfManyImagesIsThatOfFloats) {
  auto pixels = bars(700);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] ^= i * 7919 >> 8;
  const std::vector<float> floats(pixels.begin(), pixels.end());
  auto view = view_of(pixels);
  const auto bytes = mean_grid(view, 255, 700);
  view.images = {floats.data(), PixelType::Float32, 700, {1, kSide, kSide}};
  const auto expected = mean_grid(view, 255, 700);
  for (size_t i = 0; i < bytes.size(); ++i)
    EXPECT_NEAR(bytes[i], expected[i], 1e-6);
  double mean = 0, whole = 0;
  for (const uint8_t pixel : pixels) whole += pixel;
  for (const double block : bytes) mean += block / bytes.size();
  EXPECT_NEAR(mean, whole / (255. * pixels.size()), 1e-12);
}

}  // namespace
}  // namespace digitnet::data
