// A training set in a device's memory, with the order and the augmentation's
// draws of an epoch: where a step finds its samples without the host.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/executor.h"
#include "engine/torch/augment.h"
#include "engine/torch/preprocess.h"
#include "engine/torch/trainer.h"

namespace digitnet::engine {

// A set's images on the device, in the samples' order.
at::Tensor images_of(const data::DatasetView& set, at::Device device);

class TorchResidentSet {
 public:
  // Copies the set; the preprocessing is the model's as it is now.
  TorchResidentSet(const ResidentSet& source, const models::Model& model,
                   at::Device device);

  // Order and draws go to the memory where those of the last epoch were:
  // captured steps read them there.
  void start_epoch(const ResidentEpoch& epoch);

  int64_t steps() const;                 // an epoch
  int64_t count_of(int64_t step) const;  // samples; the last may have fewer
  // The samples of `steps` steps of the epoch, `count` each, from the step
  // `position` [1] on, an integer on the device.
  TorchBatch batch(const at::Tensor& position, int64_t steps,
                   int64_t count) const;
  // So many steps at once take little memory.
  int64_t max_steps() const { return max_steps_; }

 private:
  int64_t count_, batch_size_, max_steps_ = 1;
  bool outputs_images_;
  at::Tensor images_, labels_, weights_;  // of all samples
  at::Tensor order_;                      // of the epoch
  at::Tensor first_positions_;            // 0 .. samples of max_steps() - 1
  TorchAugment augment_;
  TorchPreprocess preprocess_;
};

}  // namespace digitnet::engine
