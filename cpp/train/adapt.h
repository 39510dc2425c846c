// Domain adaptation of a trained network without labels.
#pragma once

#include "data/view.h"
#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::train {

// The running statistics of the model's batch norms become those of the
// samples, each layer seeing what the adapted ones before it give; weights
// stay. Labels are not read. Throws std::invalid_argument for a network without
// batch norm or fewer than two samples. `keep_going` is called between batches,
// if set: false ends it, with the statistics of the batches before. If it
// throws, they are as they were. Source: Li et al., "Revisiting batch
// normalization for practical domain adaptation", ICLR workshop 2017.
void adapt_statistics(engine::Inspector& inspector, models::Model& model,
                      const data::DatasetView& samples,
                      const std::function<bool()>& keep_going = {});

}  // namespace digitnet::train
