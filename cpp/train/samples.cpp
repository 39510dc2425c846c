#include "train/samples.h"

namespace digitnet::train {

Samples::Samples(const models::Model& model, const std::string& augment,
                 uint64_t seed, int64_t most)
    : model_(model),
      pipeline_(augment),
      seed_(seed),
      fused_(!pipeline_.empty() &&
             model.preprocess().is_affine(scale_, shift_)) {
  blocks_.assign(engine::blocks_of(most), Block(pipeline_, model.input()));
}

void Samples::fill(engine::Executor& executor, const data::DatasetView& set,
                   const int64_t* chosen, int64_t count, int64_t epoch,
                   bool painted, float* out) {
  const models::Preprocess& preprocess = model_.preprocess();
  const int64_t features = preprocess.output().size();
  engine::each_sample(executor, count, [&](int64_t i, int64_t index) {
    const int64_t sample = chosen[i];
    Block& block = blocks_[index];
    float* to = out + i * features;
    const augment::Look look{seed_, static_cast<uint64_t>(epoch),
                             static_cast<uint64_t>(sample), painted};
    pipeline_.apply(set.images, set.row(sample), preprocess.max_value(), look,
                    block.scratch, fused_ ? to : block.raw.data(),
                    fused_ ? scale_ : 1, fused_ ? shift_ : 0);
    if (!fused_) preprocess.apply(block.raw.data(), to);
  });
}

}  // namespace digitnet::train
