// Samples as the network takes them: augmented and preprocessed.
#pragma once

#include <vector>

#include "augment/pipeline.h"
#include "data/view.h"
#include "engine/inference.h"
#include "models/model.h"

namespace digitnet::train {

class Samples {
 public:
  // For batches of up to `batch_size`. Borrows the model, whose scale is known.
  Samples(const models::Model& model, const std::string& augment, uint64_t seed,
          int64_t batch_size);

  // The samples indices[0 .. count) of a set as an epoch augments them, to
  // out[count, C, H, W], on the executor's threads. Without photometric
  // operations: moved alike, but with their own pixel values, which are the
  // targets of a network that removes noise.
  void fill(engine::Executor& executor, const data::DatasetView& set,
            const int64_t* indices, int64_t count, int64_t epoch,
            bool photometric, float* out);

  const augment::Pipeline& pipeline() const { return pipeline_; }
  // The augmentation's draws for these samples in an epoch, in this order, on
  // the executor's threads or, without one, in this one; `drawn` has memory for
  // them.
  void draw(const std::vector<int64_t>& indices, int64_t epoch,
            augment::Drawn& drawn, engine::Executor* executor) const;

 private:
  // Scratch memory for one block of samples.
  struct Block {
    Block(const augment::Pipeline& pipeline, const Shape& shape)
        : raw(shape.size()), scratch(pipeline, shape) {}
    std::vector<float> raw;
    augment::Pipeline::Scratch scratch;
  };

  const models::Model& model_;
  augment::Pipeline pipeline_;
  uint64_t seed_;
  // Augmentation and preprocessing are one pass, where that changes nothing but
  // the rounding.
  float scale_ = 1, shift_ = 0;
  bool fused_;  // initialised behind the two, which it sets
  std::vector<Block> blocks_;
};

}  // namespace digitnet::train
