// A validation set in a device's memory, and what a network says of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "data/view.h"
#include "engine/torch/network.h"
#include "engine/torch/preprocess.h"
#include "models/model.h"

namespace digitnet::engine {

class TorchValidationSet {
 public:
  // Copies them; borrows the model and the network.
  TorchValidationSet(const data::DatasetView& set, const models::Model& model,
                     const TorchNetwork& network, at::Device device);

  // See ResidentTraining::validate(). Throws what LibTorch throws.
  bool predict(const std::function<bool()>& keep_going,
               std::vector<float>& logits);
  // Takes half the images at a time from now on; false: it takes one already.
  bool take_less();

 private:
  const TorchNetwork& network_;
  at::Tensor images_;
  TorchPreprocess preprocess_;
  at::Tensor logits_;   // [count, K]
  int64_t batch_size_;  // as many as fit
};

}  // namespace digitnet::engine
