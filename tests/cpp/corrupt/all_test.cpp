// What every corruption keeps and changes.
#include "corrupt/all.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "core/list.h"

namespace digitnet::corrupt {
// GoogleTest names a parametrised test by it.
static void PrintTo(const CorruptionEntry& entry, std::ostream* out) {
  *out << entry.name;
}

namespace {

// A ring, as of the digit 0, of `full` intensity.
std::vector<uint8_t> ring(const Shape& shape, uint8_t full = 255) {
  std::vector<uint8_t> pixels;
  const double side = static_cast<double>(std::min(shape.height, shape.width));
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t y = 0; y < shape.height; ++y) {
      for (int64_t x = 0; x < shape.width; ++x) {
        const double away =
            std::hypot(static_cast<double>(y) - (shape.height - 1) / 2.0,
                       static_cast<double>(x) - (shape.width - 1) / 2.0);
        pixels.push_back(std::abs(away - side / 4) < side / 10 ? full : 0);
      }
    }
  }
  return pixels;
}

std::vector<float> corrupted(const CorruptionEntry& entry, const void* pixels,
                             data::PixelType type, const Shape& shape,
                             double max_value, uint64_t seed, int64_t sample) {
  const data::ImagesView images{pixels, type, 1, shape};
  const std::vector<int64_t> rows(sample + 1, 0);
  const data::DatasetView data{images,  rows.data(), nullptr,
                               nullptr, nullptr,     sample + 1};
  std::vector<float> out(shape.size());
  corrupt(entry, data, sample, max_value, seed, out.data());
  return out;
}

std::vector<float> of_bytes(const CorruptionEntry& entry, const Shape& shape,
                            uint64_t seed = 1, int64_t sample = 0) {
  const auto pixels = ring(shape);
  return corrupted(entry, pixels.data(), data::PixelType::UInt8, shape, 255,
                   seed, sample);
}

class EveryCorruption : public testing::TestWithParam<CorruptionEntry> {};

TEST_P(EveryCorruption, GivesWholeGreyLevelsForBytes) {
  for (const Shape& shape :
       {Shape{1, 28, 28}, Shape{1, 8, 8}, Shape{3, 8, 33}, Shape{1, 64, 20}}) {
    for (const float pixel : of_bytes(GetParam(), shape)) {
      ASSERT_TRUE(pixel >= 0 && pixel <= 255) << to_string(shape);
      ASSERT_EQ(pixel, std::floor(pixel)) << to_string(shape);
    }
  }
}

TEST_P(EveryCorruption, ChangesTheImageButNotAllOfIt) {
  const Shape shape{1, 28, 28};
  const auto before = ring(shape);
  const auto after = of_bytes(GetParam(), shape);
  double change = 0;
  for (size_t i = 0; i < before.size(); ++i)
    change += std::abs(static_cast<double>(after[i]) - before[i]) / 255;
  EXPECT_GT(change, 5);  // pixels' worth
  EXPECT_LT(change, 0.8 * 28 * 28);
}

TEST_P(EveryCorruption, DependsOnSeedAndSampleAlone) {
  const Shape shape{1, 28, 28};
  const auto first = of_bytes(GetParam(), shape, 7, 3);
  EXPECT_EQ(first, of_bytes(GetParam(), shape, 7, 3));
  // Those without draws are the same for all; the others differ somewhere.
  bool varies = false;
  for (int64_t sample = 4; sample < 24; ++sample)
    varies |= of_bytes(GetParam(), shape, 7, sample) != first;
  const std::string& name = GetParam().name;
  const bool fixed = name == "scale" || name == "brightness" ||
                     name == "stripe" || name == "canny_edges";
  EXPECT_EQ(varies, !fixed);
}

TEST_P(EveryCorruption, IsTheSameOnEveryScale) {
  const Shape shape{1, 20, 20};
  const auto bytes = ring(shape);
  std::vector<float> floats(bytes.begin(), bytes.end());
  for (float& pixel : floats) pixel /= 255;
  const auto of_floats = corrupted(GetParam(), floats.data(),
                                   data::PixelType::Float32, shape, 1, 1, 0);
  const auto whole = of_bytes(GetParam(), shape);
  for (size_t i = 0; i < whole.size(); ++i)
    ASSERT_NEAR(of_floats[i] * 255, whole[i], 0.5 + 1e-3);
}

TEST_P(EveryCorruption, CorruptsChannelsAlike) {
  const auto pixels = of_bytes(GetParam(), Shape{2, 16, 16});
  EXPECT_EQ(std::vector<float>(pixels.begin(), pixels.begin() + 256),
            std::vector<float>(pixels.begin() + 256, pixels.end()));
}

INSTANTIATE_TEST_SUITE_P(Corrupt, EveryCorruption, testing::ValuesIn(all()),
                         [](const auto& info) { return info.param.name; });

const CorruptionEntry& entry(const std::string& name) {
  return find(all(), "corruption", name);
}

TEST(Brightness, AddsHalfOfFullIntensity) {
  const auto after = of_bytes(entry("brightness"), Shape{1, 10, 10});
  const auto before = ring(Shape{1, 10, 10});
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(after[i], before[i] ? 255 : 128);
}

TEST(Stripe, InvertsTheOuterQuarters) {
  const Shape shape{1, 8, 8};
  const std::vector<uint8_t> black(64, 0);
  const auto after = corrupted(entry("stripe"), black.data(),
                               data::PixelType::UInt8, shape, 255, 1, 0);
  for (int64_t i = 0; i < 64; ++i)
    EXPECT_EQ(after[i], i % 8 < 2 || i % 8 >= 6 ? 255 : 0);
}

TEST(ImpulseNoise, ChangesAboutASixthOfThePixels) {
  const Shape shape{1, 200, 200};
  const std::vector<uint8_t> grey(shape.size(), 100);
  const auto after = corrupted(entry("impulse_noise"), grey.data(),
                               data::PixelType::UInt8, shape, 255, 1, 0);
  double black = 0, white = 0;
  for (const float pixel : after) {
    black += pixel == 0;
    white += pixel == 255;
  }
  // Within five standard deviations of binomial counts.
  const double deviation = std::sqrt(0.085 * 0.915 * 40'000);
  EXPECT_NEAR(black, 0.085 * 40'000, 5 * deviation);
  EXPECT_NEAR(white, 0.085 * 40'000, 5 * deviation);
}

TEST(ShotNoise, LeavesBlackAndKeepsTheMean) {
  const Shape shape{1, 200, 200};
  std::vector<float> half(shape.size(), 0.2f);
  half[0] = 0;
  const auto after = corrupted(entry("shot_noise"), half.data(),
                               data::PixelType::Float32, shape, 1, 1, 0);
  EXPECT_EQ(after[0], 0);
  double mean = 0;
  for (const float pixel : after) mean += pixel / 40'000;
  // Photons have the mean .6 and its root as deviation; counts above three,
  // 0.3 % of them, are clipped.
  EXPECT_NEAR(mean, 0.2, 0.005);
}

TEST(Translate, MovesAPixelByThreeInBothDirections) {
  const Shape shape{1, 28, 28};
  std::vector<uint8_t> dot(shape.size(), 0);
  dot[14 * 28 + 14] = 255;
  const auto after = corrupted(entry("translate"), dot.data(),
                               data::PixelType::UInt8, shape, 255, 1, 0);
  double lit = 0;
  for (const int64_t y : {11, 17})
    for (const int64_t x : {11, 17}) lit += after[y * 28 + x];
  EXPECT_EQ(lit, 255);
}

TEST(Gaussian, KeepsAFlatPlaneAndTheSumOfADot) {
  std::vector<double> flat(15 * 15, 0.5), dot(15 * 15, 0.0);
  dot[7 * 15 + 7] = 1;
  gaussian({flat.data(), 15, 15}, 1.3);
  gaussian({dot.data(), 15, 15}, 1.3);
  double sum = 0, variance = 0;
  for (int64_t i = 0; i < 15 * 15; ++i) {
    EXPECT_NEAR(flat[i], 0.5, 1e-12);
    sum += dot[i];
    variance += dot[i] * static_cast<double>((i % 15 - 7) * (i % 15 - 7));
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(variance, 1.3 * 1.3, 0.01);
}

}  // namespace
}  // namespace digitnet::corrupt
