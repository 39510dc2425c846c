// Nearest neighbours that tolerate deformation: the image distortion model.
// Images are bytes [N, C, H, W], references bytes [M, C, H, W] of one shape.
// All numbers are whole, so that every instruction set and number of threads
// gives the same distances, and ties are ties.
#pragma once

#include <vector>

#include "data/view.h"
#include "features/blocks.h"

namespace digitnet::features {

// Every pixel of an image looks for its best counterpart in the reference.
struct DistortionModel {
  int64_t warp = 2;     // at most so many pixels off, in rows and in columns
  int64_t context = 1;  // compared with so many neighbours around, 3x3 for 1
};

// The `count` references nearest to each image by Euclid, [N, count], the
// nearest first, of equal ones the first.
std::vector<int64_t> euclidean_neighbors(const data::ImagesView& images,
                                         const data::ImagesView& references,
                                         int64_t count,
                                         const KeepGoing& keep_going);

// Distances of image n from references rows[n, k], [N, K]:
//
//   sum over pixels (i, j) of the image
//     of the least over (p, q), |p - i| and |q - j| at most `warp`, inside
//       of the sum over m, n from -context to context and over gradients
//         (image[i + m, j + n] - reference[p + m, q + n])^2
//
// The gradients are Sobel's, along columns and along rows, of each channel, of
// the image continued by zeros; beyond the image they are 0. Displacements of
// neighbouring pixels are independent. Not symmetric.
// Source: Keysers, Deselaers, Gollan, Ney, "Deformation models for image
// recognition", IEEE TPAMI 29(8), 2007, the image distortion model (IDM).
std::vector<int64_t> distortion_distances(const data::ImagesView& images,
                                          const data::ImagesView& references,
                                          const std::vector<int64_t>& rows,
                                          const DistortionModel& model,
                                          const KeepGoing& keep_going);

}  // namespace digitnet::features
