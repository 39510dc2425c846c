// From a scan or photograph of one digit to the image a model was trained on.
#pragma once

#include <cstdint>
#include <vector>

namespace digitnet::data {

// grey[height, width] with values 0 to 255, ink dark on light or light on dark.
// Polarity: the border's brighter or darker half decides what is paper; ink
// comes out bright. Throws DataError if there is no ink (contrast below 32 of
// 255).

// As MNIST was made: the ink's box scaled to fit size-8 pixels keeping its
// proportions, set so that its centre of mass is the middle of size x size.
//   returns [size, size], 0 to 255. Requires size >= 12.
// Source: LeCun, Cortes, Burges, "The MNIST database".
std::vector<uint8_t> scan_to_mnist(const float* grey, int64_t height,
                                   int64_t width, int64_t size);

// As UCI's optdigits were made: the ink's box fitted into a 32 x 32 bitmap, ink
// pixels counted in blocks of 4 x 4.
//   returns [8, 8], 0 to 16.
// Source: Alpaydin, Kaynak, "Optical recognition of handwritten digits", UCI
// 1998.
std::vector<uint8_t> scan_to_optdigits(const float* grey, int64_t height,
                                       int64_t width);

}  // namespace digitnet::data
