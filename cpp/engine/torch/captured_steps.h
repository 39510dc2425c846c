// Steps on a set in a device's memory, recorded where the device can: then the
// host asks for many of them at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "engine/torch/resident_set.h"
#include "engine/torch/trainer.h"

namespace digitnet::engine {

class HeldSteps {
 public:
  // Borrows the trainer. Without a recorder in its settings each step is asked
  // for by itself.
  HeldSteps(HeldSet set, TorchTrainer& trainer);

  void start_epoch(const HeldEpoch& epoch);
  // One launch of at most so many steps; returns how many it had.
  int64_t train(int64_t most);
  std::string launches() const;

 private:
  // So many steps of so many samples each.
  using Launch = std::pair<int64_t, int64_t>;

  void ask(const Launch& launch);
  void record();
  Launch next(int64_t most) const;

  HeldSet set_;
  TorchTrainer& trainer_;
  std::map<Launch, Work> recorded_;
  std::string not_recorded_;  // why, once it was tried
  int64_t step_ = 0;          // of the epoch
};

}  // namespace digitnet::engine
