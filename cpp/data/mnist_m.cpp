#include "data/mnist_m.h"

#include <cstdlib>

#include "core/random.h"

namespace digitnet::data {

Patch draw_patch(const std::vector<Photo>& photos, const Shape& size,
                 uint64_t seed, uint64_t sample) {
  Draws draws(seed, Stream::Patch, sample >> 32, sample);
  const auto chosen = static_cast<int64_t>(draws.below(photos.size()));
  const Photo& photo = photos[chosen];
  const auto top =
      static_cast<int64_t>(draws.below(photo.height - size.height + 1));
  const auto left =
      static_cast<int64_t>(draws.below(photo.width - size.width + 1));
  return {chosen, top, left};
}

void blend(const ImagesView& digits, int64_t row, const Photo& photo,
           const Patch& patch, bool binary, uint8_t* out) {
  const int64_t height = digits.shape.height, width = digits.shape.width;
  const auto* digit =
      static_cast<const uint8_t*>(digits.pixels) + row * height * width;
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t y = 0; y < height; ++y) {
      const uint8_t* ground = photo.pixels +
                              (c * photo.height + patch.top + y) * photo.width +
                              patch.left;
      for (int64_t x = 0; x < width; ++x) {
        const int ink = digit[y * width + x];
        const int level = binary && ink > 0 ? 255 : ink;
        *out++ = static_cast<uint8_t>(std::abs(ground[x] - level));
      }
    }
  }
}

}  // namespace digitnet::data
