// Every corruption, in one list. To add one: write it in the file of its kind,
// declare it here, add it to all().
#pragma once

#include <vector>

#include "corrupt/corruption.h"

namespace digitnet::corrupt {

// noise.cpp
CorruptionEntry shot_noise();
CorruptionEntry impulse_noise();
// blur.cpp
CorruptionEntry glass_blur();
CorruptionEntry motion_blur();
// geometry.cpp
CorruptionEntry shear();
CorruptionEntry scale();
CorruptionEntry rotate();
CorruptionEntry translate();
// tone.cpp
CorruptionEntry brightness();
CorruptionEntry stripe();
CorruptionEntry fog();
// overlay.cpp
CorruptionEntry spatter();
CorruptionEntry dotted_line();
CorruptionEntry zigzag();
// canny_edges.cpp
CorruptionEntry canny_edges();

inline const std::vector<CorruptionEntry>& all() {
  static const std::vector<CorruptionEntry> entries = {
      shot_noise(),  impulse_noise(), glass_blur(), motion_blur(),
      shear(),       scale(),         rotate(),     brightness(),
      translate(),   stripe(),        fog(),        spatter(),
      dotted_line(), zigzag(),        canny_edges()};
  return entries;
}

}  // namespace digitnet::corrupt
