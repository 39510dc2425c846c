#include "train/adapt.h"

#include <algorithm>

#include "core/error.h"
#include "features/activations.h"
#include "models/network.h"

namespace digitnet::train {
namespace {

// A trade-off: a layer sees what the adapted ones before it give only within a
// batch, so few and large ones are nearest to one pass over all samples; more
// images need more memory for their maps.
constexpr int64_t kBatch = 500;

void observe_all(engine::Inspector& inspector, const models::Model& model,
                 const data::DatasetView& samples,
                 const std::function<bool()>& keep_going) {
  // Even batches: a last one of a single image would have no variance.
  const int64_t batches = (samples.count + kBatch - 1) / kBatch;
  for (int64_t batch = 0; batch < batches; ++batch) {
    if (keep_going && !keep_going()) return;
    const int64_t first = samples.count * batch / batches;
    const int64_t last = samples.count * (batch + 1) / batches;
    std::vector<int64_t> rows;
    for (int64_t i = first; i < last; ++i) rows.push_back(samples.row(i));
    data::DatasetView part = samples;
    part.rows = rows.data();
    part.count = last - first;
    const std::vector<float> images = features::preprocessed(model, part);
    // The weight that makes them the mean over all batches so far.
    inspector.observe_statistics(
        images.data(), part.count,
        static_cast<double>(part.count) / static_cast<double>(last));
  }
}

}  // namespace

void adapt_statistics(engine::Inspector& inspector, models::Model& model,
                      const data::DatasetView& samples,
                      const std::function<bool()>& keep_going) {
  require(models::contains(model.network(), "batch_norm"),
          "adapt: expected a network with batch norm, got none");
  require(samples.count >= 2, "adapt.images: expected at least 2, got ",
          samples.count);
  const std::vector<float> before = model.buffers();
  try {
    observe_all(inspector, model, samples, keep_going);
  } catch (...) {
    model.buffers() = before;
    model.touch();
    throw;
  }
}

}  // namespace digitnet::train
