#include "metrics/image_quality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

namespace digitnet::metrics {
namespace {

TEST(Psnr, IsTenTimesTheLogarithmOfTheError) {
  const std::vector<float> target(16, 0.5f);
  std::vector<float> image = target;
  for (float& pixel : image) pixel += 0.25f;
  const auto values =
      psnr({image.data(), target.data(), 1, Shape{1, 4, 4}, 1.0});
  EXPECT_NEAR(values[0], 10 * std::log10(1 / 0.0625), 1e-9);
  const auto equal =
      psnr({target.data(), target.data(), 1, Shape{1, 4, 4}, 1.0});
  EXPECT_TRUE(std::isinf(equal[0]));
}

TEST(Ssim, IsOneForEqualImagesAndTheLuminanceTermForFlatOnes) {
  const int64_t size = 12 * 13;
  std::vector<float> target(2 * size, 200.0f), image = target;
  for (int64_t i = size; i < 2 * size; ++i) image[i] = 100;
  const auto values =
      ssim({image.data(), target.data(), 2, Shape{1, 12, 13}, 255.0});
  EXPECT_NEAR(values[0], 1, 1e-12);
  const double c1 = std::pow(0.01 * 255, 2);
  EXPECT_NEAR(values[1],
              (2 * 100.0 * 200 + c1) / (100.0 * 100 + 200.0 * 200 + c1), 1e-9);
}

TEST(Ssim, RefusesImagesSmallerThanItsWindow) {
  const std::vector<float> image(10 * 20, 0.0f);
  EXPECT_THROW(ssim({image.data(), image.data(), 1, Shape{1, 10, 20}, 1.0}),
               std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::metrics
