// Outputs of layers, and how strongly images activate a unit.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/view.h"
#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::features {

// The samples as the network takes them, [N, C, H, W].
std::vector<float> preprocessed(const models::Model& model,
                                const data::DatasetView& samples);

// Outputs of the named layers (none: of every layer that is not composite), in
// order of execution, for all samples of the view at once: keep it to a few.
// Evaluation mode.
std::vector<engine::Activation> activations(
    engine::Inspector& inspector, const models::Model& model,
    const data::DatasetView& samples,
    const std::vector<std::string>& layers = {});

// Every sample's activation of a unit: a channel's mean over its map, or a
// feature, [N]. `keep_going` is called between batches, if set; false ends it.
// Throws std::invalid_argument for no such layer or unit.
std::vector<float> unit_activations(
    engine::Inspector& inspector, const models::Model& model,
    const data::DatasetView& samples, const std::string& layer, int64_t unit,
    const std::function<bool()>& keep_going = {});

}  // namespace digitnet::features
