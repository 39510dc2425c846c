// The weights of a moment, to come back to.
#pragma once

#include <vector>

#include "models/model.h"

namespace digitnet::train {

struct Snapshot {
  std::vector<float> trained, buffers;

  void take(const models::Model& model);
  // The model is the one that it was taken of.
  void restore(models::Model& model) const;
};

bool all_finite(const std::vector<float>& values);

}  // namespace digitnet::train
