// Whole data sets through an executor, batch by batch, from raw pixels.
#pragma once

#include <functional>
#include <vector>

#include "data/view.h"
#include "engine/executor.h"

namespace digitnet::engine {

// logits[count, K] of the view's samples; labels are not read. `keep_going` is
// asked between batches, if set: false ends it with what there is (check it).
std::vector<float> logits_of(Executor& executor, const models::Model& model,
                             const data::DatasetView& samples,
                             int64_t batch_size = 256,
                             const std::function<bool()>& keep_going = {});

// One sample's loss, of a model with classes.
double loss_of(models::Loss kind, const float* logits, int64_t classes,
               int64_t label);

// Mean loss and the fraction of hits; count > 0.
struct Score {
  double loss;
  double accuracy;
};
Score score(models::Loss kind, const std::vector<float>& logits,
            const int64_t* labels, int64_t count, int64_t classes);

// Softmax of each row in double precision.
std::vector<double> probabilities(const std::vector<float>& logits,
                                  int64_t classes);

}  // namespace digitnet::engine
