// A copy of a model's weights, to restore them.
#pragma once

#include <vector>

#include "models/model.h"

namespace digitnet::train {

struct Snapshot {
  std::vector<float> trained, buffers;

  bool taken() const { return !trained.empty(); }
  void take(const models::Model& model);
  // The model is the one that take() had.
  void restore(models::Model& model) const;
};

bool all_finite(const std::vector<float>& values);

}  // namespace digitnet::train
