// The training step by LibTorch. Everything that changes from step to step lies
// in the device's memory, and nothing is read back: a step that was captured
// once may be repeated.
#pragma once

#include <ATen/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "engine/executor.h"
#include "engine/torch/network.h"
#include "engine/torch/optimizers.h"

namespace digitnet::engine {

// engine::Batch with its samples on the device.
struct TorchBatch {
  at::Tensor images;   // [count, C, H, W] as the network takes them
  at::Tensor labels;   // [count], or undefined: see targets
  at::Tensor weights;  // [count], or undefined: all 1
  at::Tensor targets;  // like images, or undefined
  int64_t labelled = -1;
  double reversal_coefficient = 0;
  int64_t global_count = 0;
  double rank_weight = 1;
  bool in_totals = true;

  int64_t count() const { return images.size(0); }
  int64_t labelled_count() const { return labelled < 0 ? count() : labelled; }
};

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
  // Called for each step: how many samples its sums are of.
  void count(int64_t samples) { counts_.push_back(samples); }

  // restore_state() undoes all steps since save_state(): capturing takes steps
  // that must leave no trace.
  void save_state();
  void restore_state();
  // Draws from a generator of its own, for a capture that failed may have
  // spoilt the recorder's. The masks are the same.
  void renew_generator();
  void rewind() { position_.zero_(); }
  Totals totals() const;
  void swap_averages();

  const TrainSettings& settings() const { return settings_; }
  // Steps of this epoch that were taken, [1] integer on the device.
  const at::Tensor& position() const { return position_; }

 private:
  // A run of slots that train at one rate.
  struct Segment {
    int64_t offset, count;
    double lr_scale;
  };

  // The network that computes a step.
  TorchNetwork& network() { return rounded_ ? *rounded_ : exact_; }
  void choose_trained();
  std::vector<at::Tensor> state() const;  // what a step changes
  void seed();
  at::Tensor loss_of(const TorchBatch& batch, const at::Tensor& outputs,
                     const RunState& state) const;
  void compute_gradients(const at::Tensor& loss);
  void regularise();
  void update(const Segment& segment);
  void update_averages();
  void add_to_totals(const TorchBatch& batch, const at::Tensor& loss,
                     const at::Tensor& outputs);

  const models::Model& model_;
  TorchNetwork& exact_;                  // in float32
  std::optional<TorchNetwork> rounded_;  // in bfloat16
  at::Device device_;
  TrainSettings settings_;
  TorchUpdate update_;
  at::Tensor gradients_, averages_;
  std::vector<at::Tensor> trained_;  // in the order of the slots
  std::vector<at::Tensor> optimizer_state_;
  std::vector<Segment> segments_;
  at::Generator random_;

  at::Tensor step_count_;  // since the start, one float
  at::Tensor rates_, rate_;
  at::Tensor position_, losses_, correct_;  // of the epoch
  std::vector<int64_t> counts_;             // samples of each step of the epoch
  int64_t epochs_ = 0;
  std::vector<at::Tensor> saved_state_;
};

}  // namespace digitnet::engine
