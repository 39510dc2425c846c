#include "features/activations.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/interrupt.h"
#include "engine/inference.h"
#include "engine/memory.h"

namespace digitnet::features {

std::vector<float> preprocessed(const models::Model& model,
                                const data::DatasetView& samples) {
  const int64_t features = model.preprocess().output().size();
  engine::require_memory(
      samples.count * features * static_cast<int64_t>(sizeof(float)),
      join(samples.count, " preprocessed images"));
  std::vector<float> raw(model.input().size()), batch(samples.count * features);
  for (int64_t i = 0; i < samples.count; ++i) {
    poll_interrupt();
    samples.images.read(samples.row(i), raw.data());
    model.preprocess().apply(raw.data(), batch.data() + i * features);
  }
  return batch;
}

std::vector<engine::Activation> activations(
    engine::Inspector& inspector, const models::Model& model,
    const data::DatasetView& samples, const std::vector<std::string>& layers) {
  const std::vector<float> batch = preprocessed(model, samples);
  return inspector.activations(batch.data(), samples.count, layers);
}

std::vector<float> unit_activations(engine::Inspector& inspector,
                                    const models::Model& model,
                                    const data::DatasetView& samples,
                                    const std::string& layer, int64_t unit,
                                    const std::function<bool()>& keep_going) {
  // All images' outputs of a batch are there at once.
  constexpr int64_t kBatchFloats = 1 << 26;
  const int64_t batch = std::clamp<int64_t>(
      kBatchFloats / models::peak_activations(model.network(),
                                              model.preprocess().output()),
      1, engine::kPredictBatch);
  std::vector<int64_t> rows(samples.count);
  for (int64_t i = 0; i < samples.count; ++i) rows[i] = samples.row(i);
  std::vector<float> result;
  for (int64_t first = 0; first < samples.count; first += batch) {
    data::DatasetView part = samples;
    part.rows = rows.data() + first;
    part.count = std::min(batch, samples.count - first);
    const auto outputs = activations(inspector, model, part, {layer});
    require(!outputs.empty(), "most_activating: unknown layer '", layer, "'");
    const auto& [path, sizes, values] = outputs.front();
    require(unit >= 0 && unit < sizes[1],
            "most_activating.unit: expected 0 to ", sizes[1] - 1, ", got ",
            unit);
    const int64_t area = sizes.size() == 4 ? sizes[2] * sizes[3] : 1;
    for (int64_t i = 0; i < part.count; ++i) {
      const float* map = values.data() + (i * sizes[1] + unit) * area;
      result.push_back(std::accumulate(map, map + area, 0.0f) /
                       static_cast<float>(area));
    }
    if (keep_going && !keep_going()) break;
  }
  return result;
}

}  // namespace digitnet::features
