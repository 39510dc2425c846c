// What each layer answers to an image.
#pragma once

#include <vector>

#include "data/view.h"
#include "engine/executor.h"

namespace digitnet::features {

// Outputs of every layer that is not composite, in order of execution, for all
// samples of the view at once: keep it to a few. Evaluation mode.
std::vector<engine::Executor::Activation> activations(
    engine::Executor& executor, const models::Model& model,
    const data::DatasetView& samples);

}  // namespace digitnet::features
