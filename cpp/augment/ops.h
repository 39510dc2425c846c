// Every augmentation, in one list. To add one: write
// cpp/augment/ops/<name>.cpp, declare it here, add it to all().
#pragma once

#include <vector>

#include "augment/op.h"

namespace digitnet::augment {

// Draws are uniform and symmetric but for the flips; strength 0 changes
// nothing.
OpEntry shift();   // by up to `px` pixels or %, rows and columns apart
OpEntry rotate();  // by up to `deg` degrees about the centre
OpEntry zoom();    // by a factor from 1 - z to 1 + z about the centre
OpEntry shear();   // rows against each other by up to `deg` degrees
// Mirrored, with a probability; not for digits, whose classes would change.
OpEntry horizontal_flip();
OpEntry vertical_flip();

inline const std::vector<OpEntry>& all() {
  static const std::vector<OpEntry> entries = {
      horizontal_flip(), rotate(), shear(), shift(), vertical_flip(), zoom()};
  return entries;
}

}  // namespace digitnet::augment
