// Steps on a set in a device's memory, captured as CUDA graphs where the device
// can: then the host launches many of them at once. The graph itself is made by
// the recorder, python/digitnet/train/cuda_graphs.py.
//
// A launch is some steps of equally many samples, prepared together. The first
// of its kind is taken operation by operation, which is how the device gets
// ready, and captured; the others repeat that. How many steps a launch has is
// chosen once the time of one is known.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/executor.h"
#include "engine/torch/network.h"
#include "engine/torch/resident_set.h"
#include "engine/torch/trainer.h"
#include "engine/torch/validation_set.h"

namespace digitnet::engine {

// As many steps as take `launch_seconds`, a power of two from 1 to `max_steps`.
int64_t steps_of_launch(double step_seconds, double launch_seconds,
                        int64_t max_steps);

class CapturedSteps : public ResidentTraining {
 public:
  // Borrows all of them. Without a recorder in the trainer's settings each step
  // is launched by itself.
  CapturedSteps(const models::Model& model, const TorchNetwork& network,
                at::Device device, TorchTrainer& trainer)
      : model_(model), network_(network), device_(device), trainer_(trainer) {}

  std::string load(const ResidentSet& set) override;
  std::string load_validation(const data::DatasetView& set) override;
  void start_epoch(const ResidentEpoch& epoch) override;
  void skip(int64_t steps) override;
  // One launch.
  int64_t train(int64_t max_steps) override;
  bool validate(const std::function<bool()>& keep_going,
                std::vector<float>& logits) override;
  std::string launches() const override;

 private:
  // So many steps of so many samples each.
  using Launch = std::pair<int64_t, int64_t>;
  using Clock = std::chrono::steady_clock;

  const Recorder& recorder() const { return trainer_.settings().recorder; }
  int64_t max_steps() const;  // of a launch
  Launch next(int64_t max_steps) const;
  bool pays(const Launch& launch) const;
  void run(const Launch& launch);
  void record(const Launch& launch);
  void repeat(const Launch& launch, const Work& work);
  void measure();
  void wait() const;  // for the device
  double estimated_step_seconds() const;

  const models::Model& model_;
  const TorchNetwork& network_;
  at::Device device_;
  TorchTrainer& trainer_;
  std::optional<TorchResidentSet> set_;
  std::optional<TorchValidationSet> validation_;
  std::map<Launch, Work> recorded_;
  std::string not_recorded_;  // why, once it was tried
  int64_t step_ = 0;          // of the epoch
  int64_t taken_ = 0;         // of the training
  int64_t launch_steps_ = 0;  // of a launch; 0: not known yet
  int64_t singly_ = 0;        // launched operation by operation
  // Repeated single steps in a row, and since when.
  int64_t timed_ = 0;
  Clock::time_point timed_since_;
};

}  // namespace digitnet::engine
