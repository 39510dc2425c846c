// Corruptions of images, each at one fixed severity: how much of its accuracy
// does a network keep?
// Source: Mu, Gilmer, "MNIST-C", arXiv 1906.02337, 2019, and Hendrycks,
// Dietterich, ICLR 2019, from their descriptions; lengths are for 28 pixels and
// grow with the image. The draws are ours, so these are not their files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "data/view.h"

namespace digitnet::corrupt {

// One channel, its values in [0, 1].
struct Plane {
  double* pixels;
  int64_t height, width;

  int64_t size() const { return height * width; }
  double& at(int64_t y, int64_t x) const { return pixels[y * width + x]; }
  // Pixels of this image for one of 28.
  double unit() const {
    return static_cast<double>(height < width ? height : width) / 28;
  }
};

struct CorruptionEntry {
  std::string name;
  std::string summary;
  uint32_t stream;  // its draws are its own; never renumber
  void (*apply)(Draws& draws, const Plane& plane);  // clipped afterwards
};

constexpr int64_t kMinSide = 8;

// Sample i of the set, corrupted, to out[C, H, W] on the scale of its pixels:
// whole numbers for bytes. A function of (seed, i) and the image alone; the
// channels of an image share their draws. Images of at least kMinSide pixels a
// side, their values in [0, max_value].
void corrupt(const CorruptionEntry& entry, const data::DatasetView& data,
             int64_t i, double max_value, uint64_t seed, float* out);

// -- what corruptions share ---------------------------------------------------

// A Gaussian cut off at four standard deviations; beyond the border the nearest
// pixel.
void gaussian(const Plane& plane, double sigma);
// Each pixel from the point `matrix` (row-major, acting on x and y from the
// middle) and `shift` lead to, bilinear; nothing beyond the border.
struct Warp {
  double matrix[4] = {1, 0, 0, 1};
  double shift[2] = {0, 0};
};
void warp(const Plane& plane, const Warp& warp);
double normal(Draws& draws);       // of mean 0 and deviation 1
double random_sign(Draws& draws);  // -1 or 1

}  // namespace digitnet::corrupt
