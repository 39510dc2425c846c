#include "data/mnist_m.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace digitnet::data {
namespace {

TEST(MnistM, PatchesLieWithinTheirPhotographs) {
  const std::vector<uint8_t> pixels(3 * 30 * 41, 7);
  const std::vector<Photo> photos = {{pixels.data(), 30, 41},
                                     {pixels.data(), 28, 28}};
  const Shape size{1, 28, 28};
  int64_t lowest = 0, rightmost = 0;
  for (uint64_t sample = 0; sample < 2000; ++sample) {
    const Patch patch = draw_patch(photos, size, 3, sample);
    const Photo& photo = photos.at(patch.photo);
    ASSERT_LE(patch.top + size.height, photo.height);
    ASSERT_LE(patch.left + size.width, photo.width);
    lowest = std::max(lowest, patch.top);
    rightmost = std::max(rightmost, patch.left);
  }
  EXPECT_EQ(lowest, 2);  // every corner is drawn
  EXPECT_EQ(rightmost, 13);
}

TEST(MnistM, BlendsTheDifference) {
  const std::vector<uint8_t> photo = {10, 20, 30, 40, 50, 60,
                                      70, 80, 90, 1,  2,  3};  // [3, 2, 2]
  const std::vector<uint8_t> digit = {0, 255, 30, 5};
  const ImagesView digits{digit.data(), PixelType::UInt8, 1, {1, 2, 2}};
  std::vector<uint8_t> out(12);
  blend(digits, 0, {photo.data(), 2, 2}, {0, 0, 0}, false, out.data());
  EXPECT_EQ(out, (std::vector<uint8_t>{10, 235, 0, 35, 50, 195, 40, 75, 90, 254,
                                       28, 2}));
  blend(digits, 0, {photo.data(), 2, 2}, {0, 0, 0}, true, out.data());
  EXPECT_EQ(out[3], 215);  // 5 counts as 255
}

}  // namespace
}  // namespace digitnet::data
