// From a digit's strokes to the image that a model was trained on.
#pragma once

#include <cstdint>
#include <vector>

#include "pictures/digits.h"
#include "pictures/ink.h"

namespace digitnet::pictures {

// As MNIST was made: the digit's box scaled to fit size-8 pixels keeping its
// proportions, antialiased, set so that its centre of mass is the middle of
// size x size. Strokes thinner than MNIST's are thickened to them.
//   returns [size, size], 0 to 255. Requires size >= 12.
// Source: LeCun, Cortes, Burges, "The MNIST database".
std::vector<uint8_t> as_mnist(const Ink& ink, const Digits& digits,
                              const Digit& digit, int64_t size);

// As UCI's optdigits were made: the box fitted into a 32 x 32 bitmap, ink
// pixels counted in blocks of 4 x 4.
//   returns [8, 8], 0 to 16.
// Source: Alpaydin, Kaynak, "Optical recognition of handwritten digits", UCI
// 1998.
std::vector<uint8_t> as_optdigits(const Ink& ink, const Digits& digits,
                                  const Digit& digit);

}  // namespace digitnet::pictures
