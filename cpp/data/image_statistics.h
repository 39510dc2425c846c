// What images look like as a whole, to notice those that a model cannot have
// learned from: drawn dark on white for a model of white on black, or with rows
// and columns exchanged.
#pragma once

#include <cstdint>
#include <vector>

#include "data/view.h"

namespace digitnet::data {

// Of the outermost frame of pixels, one wide, of a set's images.
struct BorderStatistics {
  // By channel: what .1 and 99.9 % of the images' mean borders are below, as
  // fractions of max_value.
  std::vector<double> low, high;
  // The fraction of images whose inside is brighter than their border.
  double brighter_inside = 0;
};

// What count_inverted saw.
struct InvertedCount {
  int64_t sampled = 0;   // images looked at
  int64_t inverted = 0;  // of these, those that look inverted
  double border = 0;     // their mean border, over channels, of max_value
};

// Of at most 10,000 images, spaced evenly. Images without an inside, of less
// than 3 pixels a side, give empty statistics.
BorderStatistics border_statistics(const DatasetView& samples,
                                   double max_value);

// How many of at most 256 images, spaced evenly, look inverted against known
// ones: in every channel their border is nearer by a quarter of full intensity
// to the known range once it is inverted, and each side of it is nearer, too;
// and their inside is on the other side of their border, where nearly all known
// images agree on the side.
InvertedCount count_inverted(const DatasetView& samples, double max_value,
                             const BorderStatistics& known);

// The mean image over channels and at most `most` images, spaced evenly, in
// kGrid x kGrid blocks, row by row, of max_value. Empty for images that are not
// square or smaller.
constexpr int64_t kGrid = 8;
std::vector<double> mean_grid(const DatasetView& samples, double max_value,
                              int64_t most);

}  // namespace digitnet::data
