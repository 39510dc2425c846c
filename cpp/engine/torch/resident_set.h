// A training set in a device's memory, with the order and the draws of an
// epoch: where a step finds its samples without the host.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/executor.h"
#include "engine/torch/augment.h"
#include "engine/torch/preprocess.h"
#include "engine/torch/trainer.h"

namespace digitnet::engine {

class HeldSet {
 public:
  // Copies what is held; the preprocessing is the model's as it is now.
  HeldSet(const Held& held, const models::Model& model, at::Device device);

  // To the memory where those of the last epoch were.
  void start_epoch(const HeldEpoch& epoch);

  int64_t steps() const;                 // an epoch
  int64_t count_of(int64_t step) const;  // samples; the last may have fewer
  // The samples of step `place` [1], an integer on the device.
  TorchBatch batch(const at::Tensor& place, int64_t count) const;

 private:
  at::Tensor input(const at::Tensor& images, const at::Tensor& places,
                   bool painted) const;

  int64_t count_, batch_size_;
  bool makes_images_;
  at::Tensor images_, labels_, weights_;  // of all samples
  at::Tensor order_;                      // of the epoch
  at::Tensor first_places_;               // 0 .. batch size - 1
  TorchAugment augment_;
  TorchPreprocess preprocess_;
};

}  // namespace digitnet::engine
