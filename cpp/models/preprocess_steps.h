// Every preprocessing step, in one list. To add one: write
// cpp/models/preprocess/<name>.cpp, declare it here, add it to all(), and say
// what it is in torch in python/digitnet/torch_twin.py.
#pragma once

#include <vector>

#include "models/preprocess.h"

namespace digitnet::models::steps {

StepEntry scale();        // pixel / largest pixel value: 0..1
StepEntry standardise();  // (x - mean) / std, per channel
StepEntry mean_rgb();     // x - mean, per channel
StepEntry resize();       // nearest or bilinear
StepEntry grey_to_rgb();  // the one channel three times
StepEntry rgb_to_grey();  // .299 R + .587 G + .114 B (ITU-R BT.601)
StepEntry blur();         // [1 2 1; 2 4 2; 1 2 1] / 16, zeros beyond the border
StepEntry median();       // of 3x3 pixels, zeros beyond the border
StepEntry sharpen();      // [0 -1 0; -1 5 -1; 0 -1 0], zeros beyond the border

inline const std::vector<StepEntry>& all() {
  static const std::vector<StepEntry> entries = {
      scale(),       standardise(), mean_rgb(), resize(), grey_to_rgb(),
      rgb_to_grey(), blur(),        sharpen(),  median()};
  return entries;
}

}  // namespace digitnet::models::steps
