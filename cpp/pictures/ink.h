// Ink on paper in a scan or photograph, whatever the light on it.
#pragma once

#include "pictures/plane.h"

namespace digitnet::pictures {

struct Ink {
  // How strong the ink is: 0 on paper, about 1 in a stroke's middle.
  Plane strength;
  // Where strokes are: strong ink, and weaker ink that touches it.
  Mask strokes;
  float faint = 0;      // strength that noise does not reach
  double contrast = 0;  // between paper and ink, of 255
  double noise = 0;     // standard deviation of the paper, of 255
  bool is_dark = true;  // darker than the paper
  double scale = 1;     // pixels of the source a pixel here
};

// grey[height, width] with values 0 to 255.
//
// The paper is what is left when structures narrower than a stroke could be (a
// quarter of the shorter side) are
// filled with what is around them (a morphological closing of both polarities):
// shade, and the edges of shadows, of the sheet and of the table beneath it,
// stay in it and are no ink. Ink is what differs from it, by at least
// kMinContrast and a multiple of the noise. Whether it is darker or brighter
// than the paper is decided by where it stands out from the paper at large.
//
// Large pictures are worked on at about a million pixels, small ones enlarged:
// `scale` says by how much. Throws DataError if there is no ink.
constexpr double kMinContrast = 14;  // of 255
Ink find_ink(const float* grey, int64_t height, int64_t width);

}  // namespace digitnet::pictures
