// What a step trains on: which samples, augmented and preprocessed, with labels
// and weights.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attack/attack.h"
#include "data/view.h"
#include "engine/executor.h"
#include "models/model.h"
#include "train/config.h"
#include "train/samples.h"

namespace digitnet::train {

class Batches {
 public:
  // Borrows all of them.
  Batches(const models::Model& model, const data::DatasetView& training,
          const Config& config, const engine::Ranks& ranks);

  int64_t steps() const;  // an epoch

  // The order of an epoch is a function of seed and epoch.
  void start_epoch(int64_t epoch);

  // Lets the executor keep the set. Returns "" or why it does not. What it
  // keeps is trained on by Executor::train_held(), the rest by gather().
  std::string hold(engine::Executor& executor);
  // Behind start_epoch(), if the set is kept; `rates` of the epoch's steps.
  void start_held_epoch(engine::Executor& executor,
                        const std::vector<double>& rates);

  // A step's samples as the network takes them; of several ranks this one's.
  // They stay until the next call.
  engine::Batch gather(engine::Executor& executor, int64_t step);

  // Mean squared error of a network that makes images on validation images,
  // painted as in epoch 0, for as long as `keep_going` says so.
  double restoration_error(engine::Executor& executor,
                           const data::DatasetView& validation,
                           const std::function<bool()>& keep_going);

 private:
  double weight(int64_t sample) const;
  // The mean weight of a rank's samples by that of the whole batch.
  double weight_of(int64_t begin, int64_t whole, const engine::Share& part);

  const models::Model& model_;
  const data::DatasetView& training_;
  const Config& config_;
  const engine::Ranks& ranks_;
  Samples samples_;

  int64_t epoch_ = 0;
  std::vector<int64_t> order_;
  std::vector<float> images_, targets_, weights_;
  std::vector<int64_t> labels_;
  std::optional<attack::Attacker> attacker_;
  augment::Drawn drawn_;  // of a set that is kept
};

}  // namespace digitnet::train
