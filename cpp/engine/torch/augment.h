// Augmentation of many images at once by LibTorch: what augment::Pipeline does
// with one image after another. The host makes the few draws of each sample;
// planes of noise are drawn on the device.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <vector>

#include "augment/pipeline.h"
#include "engine/torch/random.h"

namespace digitnet::engine {

// One operation on pixel values: x[B, C, H, W], numbers[B, k] and noise, like x
// or undefined.
using Photometric = std::function<at::Tensor(
    const at::Tensor& x, const at::Tensor& numbers, const at::Tensor& noise)>;

class TorchAugment {
 public:
  // For images of one shape whose full intensity is `full`; `seed` is that of
  // the host's draws. Allocates what an epoch's draws need; upload() comes
  // before the first batch.
  TorchAugment(const augment::Pipeline& pipeline, const Shape& shape,
               data::PixelType type, double full, const augment::Drawn& drawn,
               uint64_t seed, at::Device device);

  // An epoch's draws and its number, to the memory where those of the last one
  // were.
  void upload(const augment::Drawn& drawn, int64_t epoch);

  // images[B, C, H, W] as floats, augmented by the draws at `positions` [B] of
  // the epoch: first moved by the geometric operations, then with the values
  // that the photometric ones give them. `samples` [B] are the numbers of the
  // samples there. What an image becomes does not depend on the others.
  // Integers are int64.
  at::Tensor moved(const at::Tensor& images, const at::Tensor& samples,
                   const at::Tensor& positions) const;
  at::Tensor revalued(const at::Tensor& moved, const at::Tensor& samples,
                      const at::Tensor& positions) const;
  // Memory that it needs for a sample, about.
  int64_t bytes() const;

 private:
  struct Operation {
    Photometric apply;
    at::Tensor numbers;  // of the epoch
    std::optional<TorchPlanes> noise;
  };
  struct Warping {
    TorchPlanes noise;
    std::vector<int64_t> sizes;  // of both planes, with the filter's border
    at::Tensor taps;             // [1, T]
    double gain;
  };

  // images[B, K, H, W] at places[B, H, W, 2], x and y in pixels.
  at::Tensor sampled(const at::Tensor& images, const at::Tensor& places,
                     const augment::Sampling& sampling) const;

  Shape shape_;
  augment::Sampling sampling_;
  double beyond_ = 0;          // the pixel value beyond the border
  at::Tensor columns_, rows_;  // [1, 1, W, 1], [1, H, 1, 1]
  at::Tensor scale_, shift_;   // [2]: pixels to the sampler's units
  at::Tensor epoch_;           // [1], its number
  at::Tensor maps_, warped_;   // of the epoch, as in augment::Drawn
  std::vector<Warping> warps_;
  std::vector<Operation> operations_;
};

}  // namespace digitnet::engine
