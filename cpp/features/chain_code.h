// Hand-made features of strokes: no training, no model. Images are grey, C = 1,
// of any pixel type; a pixel above `threshold` is ink. Both count within the
// box of all ink, so neither depends on where in the image the strokes lie, and
// need no size of their own. An image without ink gives zeros.
// Source: Boukharouba, Bennia, "Novel feature extraction technique for the
// recognition of handwritten digits", Applied Computing and Informatics 13,
// 2017: Freeman's chain code together with transitions along rows and columns.
#pragma once

#include <vector>

#include "data/view.h"

namespace digitnet::features {

// Directions of Freeman's code, counted from east, turning over north.
constexpr int64_t kDirections = 8;

// Chain-code histograms [N, zones, zones, 8]: the outer contour of every
// component of ink (pixels that touch at sides or corners) is followed once,
// over the component's own pixels, from its topmost pixel, of these the
// leftmost, going left and down. Each step adds to the zone where it begins,
// and to its direction:
//
//     3 2 1
//     4 . 0     0 is a column to the right, 2 a row up
//     5 6 7
//
// Pixel (y, x) of a box of height H and width W lies in zone (y * zones / H,
// x * zones / W), rounded down. All counts are divided by the number of steps
// in the image. A component of one pixel has no step; holes are not followed.
// Source of the codes: Freeman, "On the encoding of arbitrary geometric
// configurations", IRE Transactions on Electronic Computers 10, 1961.
std::vector<float> chain_code_histogram(const data::ImagesView& images,
                                        double threshold, int64_t zones);

// Transitions [N, 2, bands]: how often a row changes between paper and ink,
// paper lying before and behind it, on average over the rows of a band; then
// the same for columns. Row y of a box of height H is in band y * bands / H,
// rounded down; a band without a row has 0.
std::vector<float> transition_counts(const data::ImagesView& images,
                                     double threshold, int64_t bands);

}  // namespace digitnet::features
