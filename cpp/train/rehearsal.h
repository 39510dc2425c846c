// A dry run: training steps on tensors that have a shape and no content.
// Whatever a device could not capture throws: what reads a value back, or has a
// shape that depends on values.
#pragma once

#include <memory>

#include "train/batches.h"

namespace digitnet::train {

class Rehearsal {
 public:
  // Of launches of so many steps where an epoch has them. Borrows all but the
  // config, which is resolved as for fit(). Throws std::invalid_argument for a
  // set that cannot be resident.
  Rehearsal(models::Model& model, const data::DatasetView& training,
            Config config, int64_t launch_steps);

  void start_epoch();  // the next one
  int64_t launch();    // the next one of the epoch; how many steps it has

 private:
  Config config_;
  engine::Ranks ranks_;
  std::unique_ptr<engine::Executor> executor_;
  engine::ResidentTraining* resident_ = nullptr;
  Batches batches_;
  int64_t epoch_ = 0, left_ = 0;  // steps of the epoch to come
};

}  // namespace digitnet::train
