// Augmentation of many images at once by LibTorch, with the draws that the host
// made: what augment::Pipeline does with one image after another.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "augment/pipeline.h"

namespace digitnet::engine {

// x[B, C, H, W], numbers[B, k] and noise, like x or undefined.
using Painter = std::function<at::Tensor(
    const at::Tensor& x, const at::Tensor& numbers, const at::Tensor& noise)>;

class TorchAugment {
 public:
  // For images of one shape whose full intensity is `full`. Makes the room that
  // `drawn` has; upload() comes before anything is painted.
  TorchAugment(const augment::Pipeline& pipeline, const Shape& shape,
               data::PixelType type, double full, const augment::Drawn& drawn,
               at::Device device);

  // An epoch's draws, to the memory where those of the last one were.
  void upload(const augment::Drawn& drawn);

  // images[B, C, H, W] as floats, changed as the draws at `places` [B] of the
  // epoch say. Unpainted: only moved.
  at::Tensor operator()(const at::Tensor& images, const at::Tensor& places,
                        bool painted) const;

 private:
  struct Painting {
    Painter paint;
    at::Tensor numbers, noise;  // of the epoch
  };

  at::Tensor moved(const at::Tensor& images, const at::Tensor& places) const;

  Shape shape_;
  augment::Sampling sampling_;
  double beyond_ = 0;          // what lies beyond the border
  at::Tensor columns_, rows_;  // [1, H, W]
  at::Tensor maps_, places_;   // of the epoch, as in augment::Drawn
  std::vector<Painting> paintings_;
};

}  // namespace digitnet::engine
