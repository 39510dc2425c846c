// What a step trains on: which samples, augmented and preprocessed, with labels
// and weights.
#pragma once

#include <functional>
#include <future>
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

  // Copies the set to the device's memory if the executor and the config allow
  // it. Without ResidentSupport::training gather() gives every batch.
  engine::ResidentSupport make_resident(engine::Executor& executor);
  // Behind start_epoch(); `rates` of the epoch's steps. The next epoch's order
  // and draws are made beside it.
  void start_resident_epoch(engine::Executor& executor,
                            engine::ResidentTraining& resident,
                            const std::vector<double>& rates);

  // A step's samples as the network takes them; of several ranks this one's
  // shard. The memory is the batches' own, until the next call.
  engine::Batch gather(engine::Executor& executor, int64_t step);

  // Mean squared error of a network that outputs images on validation images,
  // augmented as in epoch 0, for as long as `keep_going` returns true.
  double reconstruction_error(engine::Executor& executor,
                              const data::DatasetView& validation,
                              const std::function<bool()>& keep_going);

 private:
  std::vector<int64_t> order_of(int64_t epoch) const;
  double weight(int64_t sample) const;
  // The mean weight of the shard's samples by that of the global batch's, whose
  // `count` samples begin at `begin` in the order.
  double relative_weight(int64_t begin, int64_t count,
                         const engine::Shard& shard) const;

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
  augment::Drawn drawn_;  // of a resident set
  // The next epoch's, while they are being made.
  std::vector<int64_t> next_order_;
  augment::Drawn next_drawn_;
  std::future<void> ahead_;  // last: its end waits for what is made
};

}  // namespace digitnet::train
