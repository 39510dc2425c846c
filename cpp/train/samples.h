// Samples as the network takes them: augmented and preprocessed.
#pragma once

#include <vector>

#include "augment/pipeline.h"
#include "data/view.h"
#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::train {

class Samples {
 public:
  // For batches of up to `most`. Borrows the model, whose scale is known.
  Samples(const models::Model& model, const std::string& augment, uint64_t seed,
          int64_t most);

  // The samples chosen[0 .. count) of a set as they look in an epoch, to
  // out[count, C, H, W], on the executor's threads. Unpainted: moved as they
  // would be, but with the pixels as they are: what a network that removes
  // noise should give back.
  void fill(engine::Executor& executor, const data::DatasetView& set,
            const int64_t* chosen, int64_t count, int64_t epoch, bool painted,
            float* out);

  const augment::Pipeline& pipeline() const { return pipeline_; }
  // The draws of these samples in an epoch, in this order, on the executor's
  // threads; `drawn` has room for them.
  void draw(engine::Executor& executor, const std::vector<int64_t>& samples,
            int64_t epoch, augment::Drawn& drawn);

 private:
  // Memory of those who prepare one block.
  struct Block {
    Block(const augment::Pipeline& pipeline, const Shape& shape)
        : raw(shape.size()), scratch(pipeline, shape) {}
    std::vector<float> raw;
    augment::Pipeline::Scratch scratch;
  };

  const models::Model& model_;
  augment::Pipeline pipeline_;
  uint64_t seed_;
  int64_t most_;
  // Augmentation and preprocessing are one pass, where that changes nothing but
  // the rounding.
  float scale_ = 1, shift_ = 0;
  bool fused_;  // made behind the two, which it sets
  std::vector<Block> blocks_;
};

}  // namespace digitnet::train
