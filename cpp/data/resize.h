// Resizing of single planes of floats.
#pragma once

#include <cstdint>

namespace digitnet::data {

// from[height, width] to out[out_height, out_width]; pixel centres at half
// coordinates, as torch's interpolate with align_corners=False.
void resize_nearest(const float* from, int64_t height, int64_t width,
                    float* out, int64_t out_height, int64_t out_width);
void resize_bilinear(const float* from, int64_t height, int64_t width,
                     float* out, int64_t out_height, int64_t out_width);
// Mean of the source area under each target pixel; for shrinking without
// aliasing.
void resize_area(const float* from, int64_t height, int64_t width, float* out,
                 int64_t out_height, int64_t out_width);

}  // namespace digitnet::data
