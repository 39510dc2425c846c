// Whole data sets through an executor, batch by batch, from raw pixels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "data/view.h"
#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::engine {

// f(sample, block) for samples [0, count), by blocks that the executor's
// threads take in turn; blocks_of(count) blocks there are. A block is long
// enough that handing it out costs nothing beside its samples, and short enough
// that a batch of 64 keeps four threads busy.
constexpr int64_t kBlockSamples = 16;
inline int64_t blocks_of(int64_t count) {
  return (count + kBlockSamples - 1) / kBlockSamples;
}
template <class F>
void each_sample(Executor& executor, int64_t count, const F& f) {
  executor.parallel_for(blocks_of(count), [&](int64_t block) {
    const int64_t first = block * kBlockSamples;
    const int64_t last = std::min(first + kBlockSamples, count);
    for (int64_t i = first; i < last; ++i) f(i, block);
  });
}

// Images of a batch in prediction and validation, not tuned: more would
// amortise a GPU's launches better; fewer need less memory for a network's
// maps, and the sooner keep_going() is called again.
constexpr int64_t kPredictBatch = 256;

// logits[count, K] of the view's samples; labels are not read. `keep_going` is
// called between batches, if set: false ends it with what there is (check it).
std::vector<float> logits_of(Executor& executor, const models::Model& model,
                             const data::DatasetView& samples,
                             int64_t batch_size = kPredictBatch,
                             const std::function<bool()>& keep_going = {});

// What predictions and their explanations do to logits, and to gradients of
// logits: executors know nothing of the model's temperature.
void divide_by_temperature(const models::Model& model,
                           std::vector<float>& values);

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
