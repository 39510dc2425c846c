#include "augment/geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace digitnet::augment {
namespace {

const Shape kShape{2, 9, 12};

std::vector<uint8_t> bytes() {
  std::vector<uint8_t> result;
  for (int64_t i = 0; i < kShape.size(); ++i)
    result.push_back(static_cast<uint8_t>(i * 91 % 201));
  return result;
}

Affine turn(double angle) {
  return {std::cos(angle),
          -std::sin(angle),
          std::sin(angle),
          std::cos(angle),
          0,
          0};
}

std::vector<float> of_bytes(const SamplingGrid& grid,
                            const Sampling& sampling) {
  const auto image = bytes();
  std::vector<uint32_t> quads(kernels::quads_size(kShape.height, kShape.width));
  std::vector<float> out(kShape.size());
  resample(image.data(), kShape, grid, sampling, 200, kernels::select(),
           quads.data(), 1, 0, out.data());
  return out;
}

std::vector<float> of_floats(const SamplingGrid& grid,
                             const Sampling& sampling) {
  const auto image = bytes();
  const std::vector<float> floats(image.begin(), image.end());
  std::vector<float> out(kShape.size());
  resample(floats.data(), kShape, grid, sampling, 200, out.data());
  return out;
}

TEST(Affine, ComposesFromOutputToInput) {
  const Affine shift{1, 0, 0, 1, 2, 3};
  const Affine both = shift.then(turn(std::acos(0.0)));  // (2, 3) to (-3, 2)
  EXPECT_NEAR(both.dx, -3, 1e-12);
  EXPECT_NEAR(both.dy, 2, 1e-12);
  EXPECT_TRUE(Affine{}.then(Affine{}).is_identity());
  EXPECT_FALSE(shift.is_identity());
}

TEST(SamplingGrid, ReadsWhereItIsWithoutOperations) {
  SamplingGrid grid(kShape);
  grid.finish();
  const auto image = bytes();
  EXPECT_EQ(of_bytes(grid, {}), std::vector<float>(image.begin(), image.end()));
}

TEST(SamplingGrid, TurnsAboutTheCentre) {
  SamplingGrid grid(kShape);
  grid.compose(turn(std::acos(-1.0)));
  grid.finish();
  const auto image = bytes(), result = image;
  const auto out = of_floats(grid, {Fill::Nearest, 0, true});
  const int64_t plane = kShape.height * kShape.width;
  for (int64_t i = 0; i < plane; ++i) EXPECT_EQ(out[i], image[plane - 1 - i]);
}

TEST(SamplingGrid, ReadsBytesAndFloatsAlike) {
  for (const Fill fill : {Fill::Constant, Fill::Nearest, Fill::Reflect}) {
    SamplingGrid grid(kShape);
    grid.compose(turn(0.4));
    grid.compose({1.3, 0, 0, 1.3, 2.4, -3.1});
    grid.finish();
    const Sampling sampling{fill, 0.25, false};
    const auto a = of_bytes(grid, sampling), b = of_floats(grid, sampling);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-3);
  }
}

TEST(SamplingGrid, GivesThePositionsOfItsMap) {
  SamplingGrid map(kShape), warped(kShape);
  const Affine affine{1.1, 0.2, -0.3, 0.9, 1.5, -0.5};
  map.compose(affine);
  map.finish();
  const int64_t plane = kShape.height * kShape.width;
  // No displacement: the same positions, pixel by pixel.
  const std::vector<float> zero(plane, 0.0f);
  std::vector<float> x(plane), y(plane);
  warped.warp(zero.data(), zero.data(), x.data(), y.data());
  warped.compose(affine);
  warped.finish();
  const auto numbers = from_first_pixel(map.map(), kShape);
  ASSERT_EQ(map.x(), nullptr);
  ASSERT_EQ(warped.x(), x.data());
  for (int64_t i = 0; i < plane; ++i) {
    const auto column = static_cast<double>(i % kShape.width);
    const auto row = static_cast<double>(i / kShape.width);
    const auto& [xx, xy, dx, yx, yy, dy] = numbers;
    EXPECT_NEAR(xx * column + xy * row + dx, x[i], 1e-4);
    EXPECT_NEAR(yx * column + yy * row + dy, y[i], 1e-4);
  }
}

TEST(SamplingGrid, MovesEachPixelByItsDisplacement) {
  SamplingGrid grid(kShape);
  const int64_t plane = kShape.height * kShape.width;
  const std::vector<float> right(plane, 1.0f), down(plane, 2.0f);
  std::vector<float> x(plane), y(plane);
  grid.warp(right.data(), down.data(), x.data(), y.data());
  grid.finish();
  const auto image = bytes();
  const auto out = of_floats(grid, {});
  EXPECT_EQ(out[0], image[2 * kShape.width + 1]);
  EXPECT_EQ(out[plane - 1], 0);  // from beyond the border
}

}  // namespace
}  // namespace digitnet::augment
