#include "train/snapshot.h"

#include <algorithm>
#include <cmath>

namespace digitnet::train {

void Snapshot::take(const models::Model& model) {
  trained = model.trained();
  buffers = model.buffers();
}

void Snapshot::restore(models::Model& model) const {
  model.trained().assign(trained.begin(), trained.end());
  model.buffers().assign(buffers.begin(), buffers.end());
  model.touch();
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace digitnet::train
