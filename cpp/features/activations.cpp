#include "features/activations.h"

namespace digitnet::features {

std::vector<engine::Executor::Activation> activations(
    engine::Executor& executor, const models::Model& model,
    const data::DatasetView& samples) {
  const int64_t features = model.preprocess().output().size();
  std::vector<float> raw(model.input().size()), batch(samples.count * features);
  for (int64_t i = 0; i < samples.count; ++i) {
    samples.images.read(samples.row(i), raw.data());
    model.preprocess().apply(raw.data(), batch.data() + i * features);
  }
  return executor.activations(batch.data(), samples.count);
}

}  // namespace digitnet::features
