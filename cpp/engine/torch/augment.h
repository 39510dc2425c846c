// Augmentation of many images at once by LibTorch, with the draws that the host
// made: what augment::Pipeline does with one image after another.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "augment/pipeline.h"

namespace digitnet::engine {

// One operation on pixel values: x[B, C, H, W], numbers[B, k] and noise, like x
// or undefined.
using Photometric = std::function<at::Tensor(
    const at::Tensor& x, const at::Tensor& numbers, const at::Tensor& noise)>;

class TorchAugment {
 public:
  // For images of one shape whose full intensity is `full`. Allocates
  // what an epoch's draws need; upload() comes before the first batch.
  TorchAugment(const augment::Pipeline& pipeline, const Shape& shape,
               data::PixelType type, double full, const augment::Drawn& drawn,
               at::Device device);

  // An epoch's draws, to the memory where those of the last one were.
  void upload(const augment::Drawn& drawn);

  // images[B, C, H, W] as floats, augmented by the draws at `positions` [B] of
  // the epoch; without photometric operations only moved.
  at::Tensor operator()(const at::Tensor& images, const at::Tensor& positions,
                        bool photometric) const;

 private:
  struct Operation {
    Photometric apply;
    at::Tensor numbers, noise;  // of the epoch
  };

  at::Tensor moved(const at::Tensor& images, const at::Tensor& positions) const;

  Shape shape_;
  augment::Sampling sampling_;
  double beyond_ = 0;          // the pixel value beyond the border
  at::Tensor columns_, rows_;  // [1, H, W]
  at::Tensor maps_, grids_;    // of the epoch, as in augment::Drawn
  std::vector<Operation> operations_;
};

}  // namespace digitnet::engine
