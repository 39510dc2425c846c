// MNIST-M: digits blended over patches of photographs.
// Source: Ganin, Lempitsky, "Unsupervised domain adaptation by
// backpropagation", ICML 2015, section 4.
#pragma once

#include <cstdint>
#include <vector>

#include "data/view.h"

namespace digitnet::data {

// A colour photograph, borrowed: three planes [3, height, width].
struct Photo {
  const uint8_t* pixels = nullptr;
  int64_t height = 0, width = 0;
};

// Where a digit's ground comes from.
struct Patch {
  int64_t photo, top, left;
};

// The patch of one sample: photograph and corner are uniform and a function of
// (seed, sample) alone. Every photograph must be at least `size`.
Patch draw_patch(const std::vector<Photo>& photos, const Shape& size,
                 uint64_t seed, uint64_t sample);

// |patch - digit| per channel: grey bytes [1, H, W] of image `row` over `patch`
// to out[3, H, W]. With `binary`, every pixel of the digit above 0 counts as
// 255.
void blend(const ImagesView& digits, int64_t row, const Photo& photo,
           const Patch& patch, bool binary, uint8_t* out);

}  // namespace digitnet::data
