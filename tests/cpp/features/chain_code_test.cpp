#include "features/chain_code.h"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

namespace digitnet::features {
namespace {

std::vector<float> histogram(const std::vector<uint8_t>& pixels, int64_t height,
                             int64_t width, int64_t zones) {
  return chain_code_histogram(
      {pixels.data(), data::PixelType::UInt8, 1, {1, height, width}}, 0.5,
      zones);
}

TEST(ChainCode, GoesAroundASquareOnce) {
  const std::vector<uint8_t> square = {0, 0, 0, 0, 0,  //
                                       0, 1, 1, 1, 0,  //
                                       0, 1, 1, 1, 0,  //
                                       0, 1, 1, 1, 0};
  // Two steps a side: down, right, up, left.
  EXPECT_EQ(histogram(square, 4, 5, 1),
            (std::vector<float>{.25f, 0, .25f, 0, .25f, 0, .25f, 0}));
}

TEST(ChainCode, ComesBackAlongALine) {
  EXPECT_EQ(histogram({1, 1, 1}, 1, 3, 1),
            (std::vector<float>{.5f, 0, 0, 0, .5f, 0, 0, 0}));
  const std::vector<uint8_t> slanted = {0, 1, 1, 0};
  EXPECT_EQ(histogram(slanted, 2, 2, 1),
            (std::vector<float>{0, .5f, 0, 0, 0, .5f, 0, 0}));
}

TEST(ChainCode, CountsStepsInTheZoneWhereTheyBegin) {
  // A line of four pixels in two zones a side, of which the box has one row.
  const auto zones = histogram({0, 0, 1, 1, 1, 1}, 1, 6, 2);
  ASSERT_EQ(zones.size(), 32u);
  EXPECT_FLOAT_EQ(zones[0], 2.0f / 6);      // right, from the first two
  EXPECT_FLOAT_EQ(zones[4], 1.0f / 6);      // left, from the second
  EXPECT_FLOAT_EQ(zones[8], 1.0f / 6);      // right, from the third
  EXPECT_FLOAT_EQ(zones[8 + 4], 2.0f / 6);  // left
}

TEST(ChainCode, PassesAPixelAsOftenAsTheContourDoes) {
  // Two squares that touch at a corner, where a contour could end too early.
  const std::vector<uint8_t> image = {1, 1, 0, 0,  //
                                      1, 1, 0, 0,  //
                                      0, 0, 1, 1,  //
                                      0, 0, 1, 1};
  const auto steps = histogram(image, 4, 4, 1);
  EXPECT_EQ(steps, (std::vector<float>{.2f, 0, .2f, .1f, .2f, 0, .2f, .1f}));
}

TEST(ChainCode, GivesZerosWithoutSteps) {
  EXPECT_EQ(histogram({0, 0, 0, 1}, 2, 2, 1), std::vector<float>(8));
  EXPECT_EQ(histogram({0, 0, 0, 0}, 2, 2, 1), std::vector<float>(8));
}

TEST(Transitions, AreAveragesOverTheBoxOfInk) {
  const std::vector<uint8_t> image = {0, 0, 0, 0,  //
                                      0, 1, 0, 1,  //
                                      0, 1, 1, 1};
  const auto counts = transition_counts(
      {image.data(), data::PixelType::UInt8, 1, {1, 3, 4}}, 0.5, 2);
  EXPECT_EQ(counts, (std::vector<float>{4, 2, 2, 2}));
}

TEST(HandMadeFeatures, RefuseColoursAndBadNumbers) {
  const std::vector<uint8_t> pixels(12);
  const data::ImagesView colour{
      pixels.data(), data::PixelType::UInt8, 1, {3, 2, 2}};
  const data::ImagesView grey{
      pixels.data(), data::PixelType::UInt8, 3, {1, 2, 2}};
  EXPECT_THROW(chain_code_histogram(colour, 0.5, 2), std::invalid_argument);
  EXPECT_THROW(transition_counts(colour, 0.5, 2), std::invalid_argument);
  EXPECT_THROW(chain_code_histogram(grey, 0.5, 0), std::invalid_argument);
  EXPECT_THROW(transition_counts(grey, 0.5, 65), std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::features
