#include "features/image_distortion.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/device.h"

namespace digitnet::features {
namespace {

constexpr int64_t kSide = 15;

data::ImagesView view_of(const std::vector<uint8_t>& pixels, int64_t count) {
  return {pixels.data(), data::PixelType::UInt8, count, {1, kSide, kSide}};
}

// A bar of two columns from `left`.
std::vector<uint8_t> bar(int64_t left) {
  std::vector<uint8_t> pixels(kSide * kSide);
  for (int64_t y = 2; y < 7; ++y)
    pixels[y * kSide + left] = pixels[y * kSide + left + 1] = 200;
  return pixels;
}

TEST(ImageDistortion, ForgivesWhatItsWarpReaches) {
  const auto image = bar(5), moved = bar(7), far = bar(8);
  std::vector<uint8_t> references;
  for (const auto& one : {image, moved, far})
    references.insert(references.end(), one.begin(), one.end());
  const auto distances = [&](int64_t warp) {
    return distortion_distances(view_of(image, 1), view_of(references, 3),
                                {0, 1, 2}, {warp, 1}, {});
  };
  EXPECT_EQ(distances(0)[0], 0);
  EXPECT_GT(distances(0)[1], 0);
  EXPECT_EQ(distances(2)[1], 0);
  EXPECT_GT(distances(2)[2], 0);
  EXPECT_EQ(distances(3)[2], 0);
}

TEST(EuclideanNeighbors, AreSortedAndTiesKeepTheirOrder) {
  std::vector<uint8_t> references;
  for (const int64_t left : {6, 3, 4, 3}) {
    const auto one = bar(left);
    references.insert(references.end(), one.begin(), one.end());
  }
  const auto image = bar(3);
  EXPECT_EQ(
      euclidean_neighbors(view_of(image, 1), view_of(references, 4), 4, {}),
      (std::vector<int64_t>{1, 3, 2, 0}));
}

TEST(ImageDistortion, RefusesWhatItCannotCompare) {
  const auto image = bar(3);
  const data::ImagesView wide{
      image.data(), data::PixelType::UInt8, 1, {1, 5, 45}};
  const auto own = view_of(image, 1);
  EXPECT_THROW(distortion_distances(own, wide, {0}, {2, 1}, {}),
               std::invalid_argument);
  EXPECT_THROW(distortion_distances(own, own, {1}, {2, 1}, {}),
               std::invalid_argument);
  EXPECT_THROW(distortion_distances(own, own, {0}, {9, 1}, {}),
               std::invalid_argument);
  EXPECT_THROW(distortion_distances(own, own, {0}, {2, 4}, {}),
               std::invalid_argument);
  EXPECT_THROW(euclidean_neighbors(own, own, 2, {}), std::invalid_argument);
}

TEST(ImageDistortion, EndsWhenItIsToldTo) {
  const auto image = bar(3);
  int calls = 0;
  distortion_distances(view_of(image, 1), view_of(image, 1), {0}, {2, 1}, [&] {
    ++calls;
    return false;
  });
  EXPECT_EQ(calls, 1);
}

// One image of many references is work of seconds, too.
TEST(ImageDistortion, IsAskedAgainAmongTheReferencesOfOneImage) {
  const auto image = bar(3);
  const int before = engine::num_threads();
  engine::set_num_threads(1);
  int calls = 0;
  distortion_distances(view_of(image, 1), view_of(image, 1),
                       std::vector<int64_t>(8000), {8, 1},
                       [&] { return ++calls < 2; });
  engine::set_num_threads(before);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace digitnet::features
