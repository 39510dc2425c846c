#include "augment/filtering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace digitnet::augment {
namespace {

Workspace workspace() {
  Workspace work;
  work.kernels = &kernels::select();
  return work;
}

TEST(Mirror, FoldsPositionsAtTheOuterEdges) {
  std::vector<int64_t> places;
  for (int64_t at = -4; at < 8; ++at) places.push_back(mirror(at, 3));
  EXPECT_EQ(places, (std::vector<int64_t>{2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1}));
  EXPECT_EQ(mirror(-1000, 1), 0);
}

TEST(Mirrored, PutsTheBorderAroundThePlane) {
  Workspace work = workspace();
  const std::vector<float> plane = {1, 2, 3, 4, 5, 6};  // [2, 3]
  const float* padded = mirrored(plane.data(), 2, 3, 1, work);
  EXPECT_EQ(std::vector<float>(padded, padded + 20),
            (std::vector<float>{1, 1, 2, 3, 3, 1, 1, 2, 3, 3,
                                4, 4, 5, 6, 6, 4, 4, 5, 6, 6}));
}

TEST(Gaussian, HasASumOfOneAndItsDeviation) {
  for (const double sigma : {0.3, 1.0, 2.5}) {
    Workspace work = workspace();
    const Gaussian filter(sigma, work);
    double sum = 0, squares = 0, variance = 0;
    for (int64_t t = -filter.radius; t <= filter.radius; ++t) {
      const double tap = filter.taps[t + filter.radius];
      EXPECT_EQ(filter.taps[filter.radius - t], filter.taps[t + filter.radius]);
      sum += tap;
      squares += tap * tap;
      variance += tap * static_cast<double>(t * t);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_NEAR(filter.sum_of_squares(), squares, 1e-12);
    if (sigma >= 1) {
      EXPECT_NEAR(std::sqrt(variance), sigma, 0.05 * sigma);
    }
  }
}

TEST(Gaussian, KeepsAFlatPlane) {
  Workspace work = workspace();
  const std::vector<float> plane(9 * 7, 3.0f);
  const Gaussian filter(1.5, work);
  const float* padded = mirrored(plane.data(), 9, 7, filter.radius, work);
  std::vector<float> out(9 * 7);
  filter.apply(padded, 9, 7, work, out.data());
  for (const float value : out) EXPECT_NEAR(value, 3, 1e-5);
}

TEST(DrawPlane, IsAFunctionOfItsAddressAlone) {
  const Workspace work = workspace();
  Draws draws(1, 20, 3, 4);
  std::vector<float> first(100), again(100), other(100);
  draw_plane(draws, 0, Noise::Normal, first.data(), 100, work);
  draws.bits();  // what was drawn before changes nothing
  draw_plane(draws, 0, Noise::Normal, again.data(), 100, work);
  draw_plane(draws, 1, Noise::Normal, other.data(), 100, work);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

}  // namespace
}  // namespace digitnet::augment
