// Which strokes of a picture are digits.
#pragma once

#include <cstdint>
#include <vector>

#include "pictures/ink.h"
#include "pictures/plane.h"

namespace digitnet::pictures {

struct Digit {
  Box box;                       // in the ink's pixels
  std::vector<int64_t> strokes;  // labels of its connected strokes
  double weight = 0;             // its ink, as pixels of full strength
};

struct Digits {
  std::vector<int32_t>
      labels;                // of the ink's pixels: 0 for none, else a stroke
  std::vector<Digit> found;  // the heaviest first
  // Of all ink that is no rule, how much the heaviest digit has: 1 where there
  // is nothing else.
  double certainty = 0;
};

// Rules are taken out, connected strokes found, and those that are specks
// beside the others, or edges that run along the border, left out; strokes that
// lie above each other, or nearer than strokes of two digits would, are one
// digit. Throws DataError if nothing is left.
Digits find_digits(const Ink& ink);

}  // namespace digitnet::pictures
