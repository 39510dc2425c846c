// A model's preprocessing of many images at once by LibTorch: what
// models::Preprocess does with one image after another.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "models/preprocess.h"

namespace digitnet::engine {

class TorchPreprocess {
 public:
  // Its steps and largest pixel value as they are now.
  TorchPreprocess(const models::Preprocess& preprocess, at::Device device);

  // images[B, C, H, W] as floats to the network's input, channels-last.
  at::Tensor operator()(const at::Tensor& images) const;

 private:
  std::vector<std::function<at::Tensor(const at::Tensor&)>> steps_;
};

}  // namespace digitnet::engine
