// One random operation on an image. All operations so far are geometric: each
// changes one affine map, so that a whole pipeline resamples an image once.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "core/shape.h"

namespace digitnet::augment {

// Where output pixel (x, y) reads the input, both measured from the image's
// centre in pixels: input = matrix * output + offset.
struct Affine {
  double xx = 1, xy = 0, yx = 0, yy = 1;
  double dx = 0, dy = 0;

  // First this map, then (nearer to the input) `next`.
  Affine then(const Affine& next) const;
};

struct OpEntry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<std::string>
      units;        // as written behind the strength; the first is usual
  double most;      // strengths are 0 to `most`, in the first unit
  uint32_t stream;  // its own random stream: never renumber
  // The map of one draw. `strength` is in the first unit.
  Affine (*draw)(Draws& draws, double strength, const Shape& shape);
};

}  // namespace digitnet::augment
