// Filters of grey pictures, whose border pixels go on beyond them.
#pragma once

#include "pictures/plane.h"

namespace digitnet::pictures {

// The largest, or the smallest, within the square of 2 radius + 1 pixels around
// each pixel, in a time that does not depend on the radius.
// Source: van Herk, "A fast algorithm for local minimum and maximum filters on
// rectangular and octagonal kernels", 1992.
Plane local_max(const Plane& picture, int64_t radius);
Plane local_min(const Plane& picture, int64_t radius);

// Dark structures that are narrower than 2 radius + 1 filled with what is
// around them; edges of larger ones stay where they are.
Plane closing(const Plane& picture, int64_t radius);

// Binomial smoothing over 3 x 3 pixels, so many times.
Plane smoothed(const Plane& picture, int64_t times);

// Standard deviation of what differs from one pixel to the next without being a
// structure, as grain of film and sensors' noise do: at least 0.
double noise_of(const Plane& picture);

// The value below which the fraction of the pixels lies; 0 <= fraction <= 1.
float quantile(std::vector<float> values, double fraction);

}  // namespace digitnet::pictures
