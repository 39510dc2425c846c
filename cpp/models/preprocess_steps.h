// Every preprocessing step, in one list. To add one: write
// cpp/models/preprocess/<name>.cpp, declare it here, add it to all(), and say
// what it is in torch in python/digitnet/models/torch_module.py and, for many
// images at once, in cpp/engine/torch/preprocess.cpp.
#pragma once

#include <array>
#include <vector>

#include "models/preprocess.h"

namespace digitnet::models::steps {

// Filters of 3x3 pixels, row by row. Source: Kanaparthi, thesis, preprocessing
// of the Kaggle digits.
using Kernel = std::array<float, 9>;
inline constexpr Kernel kBlur = {1 / 16.f, 2 / 16.f, 1 / 16.f,
                                 2 / 16.f, 4 / 16.f, 2 / 16.f,
                                 1 / 16.f, 2 / 16.f, 1 / 16.f};
inline constexpr Kernel kSharpen = {0, -1, 0, -1, 5, -1, 0, -1, 0};
// Parts of red, green and blue in grey. Source: ITU-R BT.601.
inline constexpr std::array<float, 3> kLuma = {.299f, .587f, .114f};

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
