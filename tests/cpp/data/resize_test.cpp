#include "data/resize.h"

#include <gtest/gtest.h>

#include <vector>

namespace digitnet::data {
namespace {

using Plane = std::vector<float>;
using Resize = void (*)(const float*, int64_t, int64_t, float*, int64_t,
                        int64_t);

Plane resized(Resize resize, const Plane& from, int64_t height, int64_t width,
              int64_t out_height, int64_t out_width) {
  Plane out(out_height * out_width);
  resize(from.data(), height, width, out.data(), out_height, out_width);
  return out;
}

TEST(Resize, KeepsAnImageOfTheSameSize) {
  const Plane image = {1, 2, 3, 4, 5, 6};
  for (const Resize resize : {resize_nearest, resize_bilinear, resize_area})
    EXPECT_EQ(resized(resize, image, 2, 3, 2, 3), image);
}

TEST(Resize, KeepsFlatImagesFlat) {
  const Plane image(5 * 7, 0.25f);
  for (const Resize resize : {resize_nearest, resize_bilinear, resize_area}) {
    for (const int64_t size : {1, 3, 12}) {
      for (const float pixel : resized(resize, image, 5, 7, size, size + 1))
        EXPECT_NEAR(pixel, 0.25f, 1e-6);
    }
  }
}

TEST(ResizeNearest, RepeatsPixels) {
  EXPECT_EQ(resized(resize_nearest, {1, 2}, 1, 2, 2, 4),
            (Plane{1, 1, 2, 2, 1, 1, 2, 2}));
}

// As torch's interpolate(mode="bilinear", align_corners=False).
TEST(ResizeBilinear, MixesNeighboursAtHalfCoordinates) {
  EXPECT_EQ(resized(resize_bilinear, {0, 4}, 1, 2, 1, 4), (Plane{0, 1, 3, 4}));
  EXPECT_EQ(resized(resize_bilinear, {0, 2, 4, 6}, 1, 4, 1, 2), (Plane{1, 5}));
}

TEST(ResizeArea, AveragesWhatLiesUnderAPixel) {
  EXPECT_EQ(resized(resize_area, {0, 2, 4, 6, 8, 10, 12, 14}, 2, 4, 1, 2),
            (Plane{5, 9}));
  const Plane thirds = resized(resize_area, {3, 6, 9}, 1, 3, 1, 2);
  EXPECT_NEAR(thirds[0], (3 + 6 * 0.5) / 1.5, 1e-5);
  EXPECT_NEAR(thirds[1], (6 * 0.5 + 9) / 1.5, 1e-5);
}

}  // namespace
}  // namespace digitnet::data
