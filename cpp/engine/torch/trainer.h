// The training step by LibTorch. Everything that changes from step to step lies
// in the device's memory, and nothing is read back: a step that was captured
// once may be repeated.
#pragma once

#include <ATen/Generator.h>
#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/variable.h>

#include <optional>
#include <vector>

#include "engine/executor.h"
#include "engine/torch/arithmetic.h"
#include "engine/torch/network.h"
#include "engine/torch/optimizers.h"
#include "engine/torch/step_losses.h"

namespace digitnet::engine {

// The samples of one step, as engine::Batch, or of several on equally many: all
// of the first step, then all of the second. On the device.
struct TorchBatch {
  at::Tensor images;   // [N, C, H, W] as the network takes them
  at::Tensor labels;   // [N], or undefined: see targets
  at::Tensor weights;  // [N], or undefined: all 1
  at::Tensor targets;  // like images, or undefined
  // The rest is of every step.
  int64_t labelled = -1;
  double reversal_coefficient = 0;
  int64_t global_count = 0;
  double rank_weight = 1;
  bool in_totals = true;
};

class TorchTrainer {
 public:
  static constexpr int64_t kMaxSteps = 16;  // at once

  // Borrows all but the settings. Takes over which of the network's tensors
  // have gradients, and which layers are frozen.
  TorchTrainer(const models::Model& model, TorchNetwork& network,
               at::Device device, const TrainSettings& settings);

  // `rates`: the learning rate of every step of the epoch, for take_steps(); of
  // any kind for take_step(), as many.
  void start_epoch(int64_t number, const std::vector<double>& rates);
  // The next steps of the epoch, up to kMaxSteps: forward, loss, backward,
  // update.
  void take_steps(const TorchBatch& batch, int64_t steps);
  void take_step(const TorchBatch& batch, double lr);
  // Called for each step: how many samples its sums are of.
  void count(int64_t samples) { counts_.push_back(samples); }

  // Where the masks of dropout come from: of a generator's state, which a
  // failed capture spoils, a new one goes on.
  at::Tensor generator_state() const { return random_.get_state(); }
  void renew_generator(const at::Tensor& state);
  Totals totals() const;
  void swap_averages();
  // As Executor::training_state() and restore_training().
  TrainingState state() const;
  void restore(const TrainingState& state);

  const TrainSettings& settings() const { return settings_; }
  // Steps of this epoch that were taken, [1] integer on the device.
  const at::Tensor& position() const { return position_; }
  // How it computes.
  Arithmetic arithmetic() const {
    return {device_.type(), settings_.tf32 && device_.is_cuda(),
            settings_.deterministic};
  }

 private:
  // A run of slots that train at one rate, with the gaps between them.
  struct Segment {
    int64_t offset, count;
    double lr_scale;
  };

  // One float each: the learning rate, the step's number since the start, and
  // the decay of the averages, if there are any.
  struct StepScalars {
    at::Tensor lr, number, decay;
  };
  // What all steps of a launch leave behind for their sums.
  struct Outcome {
    std::vector<at::Tensor> outputs, auxiliary_losses;  // a step's, its mean
  };

  // The network that computes a step.
  TorchNetwork& network() { return rounded_ ? *rounded_ : exact_; }
  void choose_trained();
  void seed(int64_t epoch);
  // At positions [S] of the epoch, by rates [S].
  void run(const TorchBatch& batch, const at::Tensor& positions,
           const at::Tensor& rates);
  StepLosses losses_of(const TorchBatch& batch, int64_t steps) const;
  // The gradients of a step, to gradients_.
  void backpropagate(const TorchBatch& batch, const StepLosses& losses,
                     int64_t index, Outcome& outcome);
  void compute_gradients(const torch::autograd::variable_list& of,
                         const torch::autograd::variable_list& from);
  std::vector<at::Tensor> parts_of(
      const torch::autograd::variable_list& gradients,
      at::ScalarType type) const;
  void regularise();
  void update(const StepScalars& scalars);
  at::Tensor decays_of(const at::Tensor& numbers) const;
  void add_to_totals(const TorchBatch& batch, const at::Tensor& positions,
                     const StepLosses& losses, const Outcome& outcome);

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

  at::Tensor step_count_;                   // since the start, one float
  at::Tensor rates_;                        // of the epoch's steps
  at::Tensor position_, losses_, correct_;  // of the epoch
  at::Tensor offsets_, counting_;  // 0 .. kMaxSteps - 1; 1.0 .. kMaxSteps
  at::Tensor zeros_;               // more than any gap between tensors
  std::vector<int64_t> counts_;    // samples of each step of the epoch
};

}  // namespace digitnet::engine
