// How near an image comes to its target.
#pragma once

#include <cstdint>
#include <vector>

#include "core/shape.h"

namespace digitnet::metrics {

// Two sets of `count` images of a shape, row-major, their values in [0, full].
struct ImagePairs {
  const float* images;
  const float* targets;
  int64_t count;
  Shape shape;
  double full;
};

// Peak signal-to-noise ratio of each pair in decibels,
// 10 log10(full^2 / mean squared error); infinite for equal images.
std::vector<double> psnr(const ImagePairs& pairs);

// Structural similarity of each pair, at most 1: means over Gaussian windows of
// 11 pixels and deviation 1.5 that lie within the image, and over channels.
// Throws std::invalid_argument for images of fewer than 11 pixels a side.
// Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", IEEE
// Transactions on Image Processing 13, 2004, section III.
std::vector<double> ssim(const ImagePairs& pairs);

}  // namespace digitnet::metrics
