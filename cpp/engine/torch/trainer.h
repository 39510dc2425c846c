// The training step by LibTorch. Everything that changes from step to step lies
// in the device's memory, and nothing is read back: a step that was recorded
// once may be repeated.
#pragma once

#include <ATen/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "engine/executor.h"
#include "engine/torch/network.h"
#include "optimizers/all.h"

namespace digitnet::engine {

// engine::Batch with its samples on the device.
struct TorchBatch {
  at::Tensor images;   // [count, C, H, W] as the network takes them
  at::Tensor labels;   // [count], or undefined: see targets
  at::Tensor weights;  // [count], or undefined: all 1
  at::Tensor targets;  // like images, or undefined
  int64_t known = -1;
  double reversal = 0;
  int64_t whole = 0;
  double share = 1;
  bool counted = true;

  int64_t count() const { return images.size(0); }
  // Samples whose labels count.
  int64_t of_known() const { return known < 0 ? count() : known; }
};

// Of each sample in evaluation or training: its loss, with a gradient.
at::Tensor losses_of(models::Loss loss, const at::Tensor& logits,
                     const at::Tensor& labels, double smoothing);

class TorchTrainer {
 public:
  // Borrows all but the settings. Takes over which of the network's tensors
  // have gradients, and which layers are frozen.
  TorchTrainer(const models::Model& model, TorchNetwork& network,
               at::Device device, const TrainSettings& settings);

  // `rates`: the learning rate of every step, for take_rate(); or as many of
  // any kind for set_rate(). One of the two comes before each step.
  void start_epoch(const std::vector<double>& rates);
  void set_rate(double lr);
  void take_rate();  // of the epoch's list
  // Forward, loss, backward, update.
  void step(const TorchBatch& batch);
  // To be told of each step: of how many samples its sums are.
  void count(int64_t samples) { counts_.push_back(samples); }

  // Before the next step is as if nothing since keep() had been done: recording
  // needs steps that leave no trace.
  void keep();
  void restore();
  void rewind() { place_.zero_(); }
  Totals totals() const;
  void swap_averages();

  const TrainSettings& settings() const { return settings_; }
  // Steps of this epoch that were taken, [1] integer on the device.
  const at::Tensor& place() const { return place_; }

 private:
  // A run of slots that train at one rate.
  struct Segment {
    int64_t offset, count;
    double lr_scale;
  };

  // The network that computes a step.
  TorchNetwork& network() { return rounded_ ? *rounded_ : exact_; }
  void choose_trained();
  std::vector<at::Tensor> changed() const;  // by a step
  void seed();
  at::Tensor loss_of(const TorchBatch& batch, const at::Tensor& answers,
                     const RunState& state) const;
  void find_gradients(const at::Tensor& loss);
  void regularise();
  void update(const Segment& segment);
  void average();
  void note(const TorchBatch& batch, const at::Tensor& loss,
            const at::Tensor& answers);

  const models::Model& model_;
  TorchNetwork& exact_;
  std::optional<TorchNetwork> rounded_;
  at::Device device_;
  TrainSettings settings_;
  optimizers::Update update_;
  at::Tensor gradients_, averages_;
  std::vector<at::Tensor> trained_;  // in the order of the slots
  std::vector<at::Tensor> state_;
  std::vector<Segment> segments_;
  at::Generator random_;

  at::Tensor taken_;  // steps since the start, one float
  at::Tensor rates_, rate_;
  at::Tensor place_, losses_, correct_;  // of the epoch
  std::vector<int64_t> counts_;          // samples of each step of the epoch
  int64_t epochs_ = 0;
  std::vector<at::Tensor> kept_;
};

}  // namespace digitnet::engine
