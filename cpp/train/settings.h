// What a training's options mean for a model and an executor.
#pragma once

#include "engine/executor.h"
#include "engine/ranks.h"
#include "engine/select.h"
#include "models/model.h"
#include "train/config.h"

namespace digitnet::train {

// What such a training requires of an executor.
engine::Requirements requirements_of(const Config& config, int64_t ranks);

// A resolved config as an executor's settings.
engine::TrainSettings settings_of(const models::Model& model,
                                  const Config& config,
                                  const engine::Ranks& ranks);

// Resolves the config's options and defaults for this model. Throws
// std::invalid_argument for what it cannot be trained with.
void check(const models::Model& model, Config& config, bool has_validation,
           bool has_target);

}  // namespace digitnet::train
