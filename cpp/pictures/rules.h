// Straight lines that are printed on paper.
#pragma once

#include "pictures/plane.h"

namespace digitnet::pictures {

// Takes ruled lines, the lines of grids and frames, and straight edges out of
// the strokes: thin ones that run through most of the picture, level or upright
// to within some degrees, found by all ink above `faint`. Strokes that cross
// one stay whole.
//   strength: as of find_ink. returns how many lines there were.
int64_t remove_rules(const Plane& strength, float faint, Mask& strokes);

}  // namespace digitnet::pictures
