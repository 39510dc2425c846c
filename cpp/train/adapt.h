// A trained network in another domain, without labels.
#pragma once

#include "data/view.h"
#include "engine/executor.h"

namespace digitnet::train {

// The running statistics of the model's batch norms become those of the
// samples, each layer seeing what the adapted ones before it give; weights
// stay. Labels are not read. Throws std::invalid_argument for a network without
// batch norm or fewer than two samples. `keep_going` is asked between batches,
// if set: false ends it, with the statistics of what was seen. Source: Li et
// al., "Revisiting batch normalization for practical domain adaptation", ICLR
// workshop 2017.
void adapt_statistics(engine::Executor& executor, const models::Model& model,
                      const data::DatasetView& samples,
                      const std::function<bool()>& keep_going = {});

}  // namespace digitnet::train
