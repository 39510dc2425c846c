// From a scan or photograph of one digit to the image a model was trained on.
#pragma once

#include <cstdint>
#include <vector>

#include "pictures/plane.h"

namespace digitnet::pictures {

enum class Form { Mnist, Optdigits };

struct Scan {
  std::vector<uint8_t> image;  // [side, side]
  int64_t side = 0;
  Box box;               // of the digit, in the source's pixels
  int64_t digits = 0;    // how many there are
  double certainty = 0;  // that there is one: its part of all ink
  bool is_dark = true;   // ink, on brighter paper
  double contrast = 0;   // between them, of 255
};

// grey[height, width] with values 0 to 255, ink dark on light or light on dark.
// The heaviest digit is taken. As MNIST was made the image has `size` pixels a
// side, 0 to 255; as UCI's optdigits 8, 0 to 16.
// Throws DataError if there is no digit.
Scan scan(const float* grey, int64_t height, int64_t width, Form form,
          int64_t size);

}  // namespace digitnet::pictures
