// Steps on a set in a device's memory, captured as CUDA graphs where the device
// can: then the host launches many of them at once. The graph itself is made by
// the recorder, python/digitnet/train/cuda_graphs.py.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "engine/executor.h"
#include "engine/torch/resident_set.h"
#include "engine/torch/trainer.h"

namespace digitnet::engine {

class CapturedSteps : public ResidentTraining {
 public:
  // Borrows model and trainer. Without a recorder in the trainer's settings
  // each step is launched by itself.
  CapturedSteps(const models::Model& model, at::Device device,
                TorchTrainer& trainer)
      : model_(model), device_(device), trainer_(trainer) {}

  std::string load(const ResidentSet& set) override;
  void start_epoch(const ResidentEpoch& epoch) override;
  // One launch.
  int64_t train(int64_t max_steps) override;
  std::string launches() const override;

 private:
  // So many steps of so many samples each.
  using Launch = std::pair<int64_t, int64_t>;

  void run(const Launch& launch);
  void record();
  void record_launches();
  Launch next(int64_t max_steps) const;

  const models::Model& model_;
  at::Device device_;
  TorchTrainer& trainer_;
  std::optional<TorchResidentSet> set_;
  std::map<Launch, Work> recorded_;
  std::string not_recorded_;  // why, once it was tried
  int64_t step_ = 0;          // of the epoch
};

}  // namespace digitnet::engine
