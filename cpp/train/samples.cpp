#include "train/samples.h"

#include <algorithm>

namespace digitnet::train {

Samples::Samples(const models::Model& model, const std::string& augment,
                 uint64_t seed, int64_t batch_size)
    : model_(model),
      pipeline_(augment),
      seed_(seed),
      fused_(!pipeline_.empty() &&
             model.preprocess().is_affine(scale_, shift_)) {
  blocks_.assign(engine::blocks_of(batch_size),
                 Block(pipeline_, model.input()));
}

void Samples::fill(engine::Executor& executor, const data::DatasetView& set,
                   const int64_t* indices, int64_t count, int64_t epoch,
                   bool photometric, float* out) {
  const models::Preprocess& preprocess = model_.preprocess();
  const int64_t features = preprocess.output().size();
  engine::each_sample(executor, count, [&](int64_t i, int64_t index) {
    const int64_t sample = indices[i];
    Block& block = blocks_[index];
    float* to = out + i * features;
    const augment::SampleKey key{seed_, static_cast<uint64_t>(epoch),
                                 static_cast<uint64_t>(sample), photometric};
    pipeline_.apply(set.images, set.row(sample), preprocess.max_value(), key,
                    block.scratch, fused_ ? to : block.raw.data(),
                    fused_ ? scale_ : 1, fused_ ? shift_ : 0);
    if (!fused_) preprocess.apply(block.raw.data(), to);
  });
}

void Samples::draw(const std::vector<int64_t>& indices, int64_t epoch,
                   augment::Drawn& drawn, engine::Executor* executor) const {
  if (pipeline_.empty()) return;
  const auto draw_one = [&](int64_t i, int64_t) {
    pipeline_.draw(model_.input(),
                   {seed_, static_cast<uint64_t>(epoch),
                    static_cast<uint64_t>(indices[i])},
                   i, drawn);
  };
  const auto count = static_cast<int64_t>(indices.size());
  if (executor) return engine::each_sample(*executor, count, draw_one);
  for (int64_t i = 0; i < count; ++i) draw_one(i, 0);
}

}  // namespace digitnet::train
