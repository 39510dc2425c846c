// The interfaces between a network and what computes it. There are two engines,
// native/ (our kernels, CPU) and torch/ (LibTorch, CPU and GPU); each makes
// executors.
//   Executor          predicts and trains; every engine makes one
//   ResidentTraining  trains on a data set that stays in the device's memory;
//                     one launch from the host may be many steps
//   Inspector         outputs of layers, gradients, batch statistics; every
//                     executor has one
// An executor says whether it has the second. native/executor.h and
// torch/executor.h make executors, select.h chooses between them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "augment/pipeline.h"
#include "core/options.h"
#include "data/view.h"
#include "engine/ranks.h"
#include "engine/totals.h"

namespace digitnet::engine {

// Training steps recorded once, so that the device repeats them without the
// host: a CUDA graph, see python/digitnet/train/cuda_graphs.py.
using Work = std::function<void()>;
struct Recorder {
  // Calls `first`, which does the work, then records what `work`, the same,
  // launches, without doing it; returns what repeats it. Throws
  // std::runtime_error with the reason if the device cannot.
  std::function<Work(const Work& first, const Work& work)> record;
  // The address of the at::GeneratorImpl from which the work must take its
  // random numbers; `record` keeps it alive.
  uintptr_t generator = 0;
  // Recording pays in trainings of so many steps or more, and for launches that
  // are repeated about so often.
  int64_t pays_from = 0, min_repeats = 1;
  // How long a launch should take, by the time of a step; infinite: as long as
  // can be.
  double launch_seconds = 0;
  int64_t max_steps = 16;  // of a launch
};

// Samples as the network takes them: preprocessed, [count, C, H, W] floats.
struct Batch {
  const float* images = nullptr;
  const int64_t* labels = nullptr;  // [count]
  const float* weights = nullptr;   // [count], or null: all 1
  // Of a network that outputs images: its targets, [count, C, H, W]. The loss
  // is the mean squared error then, and labels are not read.
  const float* targets = nullptr;
  int64_t count = 0;
  // For domain adaptation: the first `labelled` samples are of the labelled
  // domain, the others' labels and weights are not read. -1: all are labelled.
  int64_t labelled = -1;
  double reversal_coefficient = 0;  // of the gradient reversal at domain heads
  // For several ranks: the number of samples of the global batch; the factor of
  // this rank's loss in the global loss; whether this rank's sums count.
  int64_t global_count = 0;
  double rank_weight = 1;
  bool in_totals = true;
};

struct TrainSettings {
  Spec optimizer;
  std::vector<double> lr_scales;  // one per parameter tensor; 0 freezes it
  double l1 = 0;                  // factor of the sum of absolute weights
  double l2 = 0;                  // factor of the sum of squared weights
  double label_smoothing = 0;
  double clip_norm = 0;  // of the gradient of all weights; 0: off
  double ema_decay = 0;  // of the weights' moving average; 0: off
  uint64_t seed = 0;
  bool bfloat16 = false;  // layers compute in it, weights stay in float32
  bool tf32 = false;      // a GPU's layers may multiply in it
  // By kernels that repeat bit for bit on a GPU, too.
  bool deterministic = false;
  int64_t steps = 0;  // of the whole training, at most
  Ranks ranks;        // who trains along
  Recorder recorder;  // of steps on a resident set; empty: no recording

  // Young averages forget faster, so that the first weights do not linger.
  double average_decay(int64_t steps) const {
    const double decay =
        (1 + static_cast<double>(steps)) / (10 + static_cast<double>(steps));
    return decay < ema_decay ? decay : ema_decay;
  }
};

// An epoch so far.
struct EpochState {
  int64_t steps = 0;
  Totals sums;  // whose loss is the sum over the samples
  // LibTorch's alone: loss and samples of each step, and the state of the
  // generator of dropout's masks.
  std::vector<double> step_losses;
  std::vector<int64_t> step_samples;
  std::vector<uint8_t> generator;
};

// What a training has, between two steps, beside the weights that pull()
// copies: with both it goes on to the same bits. Numbers of every weight are in
// the order of models::Model::trained().
struct TrainingState {
  std::array<std::vector<float>, 2> moments;  // of the optimizer, or empty
  std::vector<float> averages;                // or empty
  int64_t steps = 0;                          // since the start
  EpochState epoch;
};

// A training set to be copied to the device's memory: borrowed until load()
// returns.
struct ResidentSet {
  const data::DatasetView* set;
  const augment::Pipeline* augment;
  const augment::Drawn* drawn;        // with the memory of an epoch's draws
  const std::vector<float>* weights;  // of the samples, or empty: all 1
  int64_t batch_size;
  uint64_t seed;  // of the augmentation
};

// An epoch over it: borrowed until start_epoch() returns.
struct ResidentEpoch {
  const std::vector<int64_t>* order;
  const augment::Drawn* drawn;       // in that order
  const std::vector<double>* rates;  // the learning rate of every step
  int64_t epoch;                     // its number: planes of noise hang on it
};

// Training on a set in the device's memory: its steps need nothing of the
// host. Executor::totals() counts them as it counts those of train().
class ResidentTraining {
 public:
  virtual ~ResidentTraining() = default;
  // Copies the set. Returns "", or why it cannot be resident.
  virtual std::string load(const ResidentSet& set) = 0;
  // The same of images for validate(), borrowed until it returns; `set` has
  // no augmentation.
  virtual std::string load_validation(const data::DatasetView& set) = 0;
  virtual void start_epoch(const ResidentEpoch& epoch) = 0;
  // Behind start_epoch(): its first steps were taken before.
  virtual void skip(int64_t steps) = 0;
  // The next steps of the epoch, one to `max_steps`; returns how many. The last
  // step of an epoch may have fewer samples.
  virtual int64_t train(int64_t max_steps) = 0;
  // Their logits[count, K] in evaluation mode. `keep_going` is called between
  // batches; false: it returned false, and they are not whole.
  virtual bool validate(const std::function<bool()>& keep_going,
                        std::vector<float>& logits) = 0;
  // How the device has got its steps so far: "captured steps, up to 16 a
  // launch".
  virtual std::string launches() const = 0;
};

// What Executor::resident_training() gives: one of the two is empty.
struct ResidentSupport {
  ResidentTraining* training = nullptr;  // the executor's own
  std::string reason;                    // why there is none
};

// The output of a layer, [count, ...] in row-major order.
struct Activation {
  std::string path;
  std::vector<int64_t> sizes;
  std::vector<float> values;
};

// A unit of a layer for each sample: a feature, or a channel's mean over its
// map. The layer "" stands for the logits.
struct Target {
  std::string layer;
  std::vector<int64_t> units;
};

// Gradients of the target's units with respect to a layer's output or the
// images.
struct TargetGradients {
  std::vector<float> values;     // [count]: the units' outputs
  std::vector<int64_t> sizes;    // of the two below
  std::vector<float> outputs;    // of the layer, or the images
  std::vector<float> gradients;  // of each value with respect to `outputs`
};

// Each sample's loss, [count], and its gradient with respect to the sample's
// own image, [count, C, H, W].
struct LossGradients {
  std::vector<float> losses, gradients;
};

// Looks into a network in evaluation mode, with its weights of now.
class Inspector {
 public:
  virtual ~Inspector() = default;
  // Of these layers, or of all if there are none.
  virtual std::vector<Activation> activations(
      const float* images, int64_t count,
      const std::vector<std::string>& layers) = 0;
  // With respect to the output of `layer` ("": the images). Throws
  // std::invalid_argument for no such layer or unit, or if `layer` comes behind
  // the target.
  // `result` keeps its memory from call to call.
  virtual void target_gradients(const float* images, int64_t count,
                                const Target& target, const std::string& layer,
                                TargetGradients& result) = 0;
  virtual void loss_gradients(const float* images, const int64_t* labels,
                              int64_t count, double label_smoothing,
                              LossGradients& result) = 0;
  // Running statistics of batch norms move towards these images' by so much (1:
  // they become them).
  virtual void observe_statistics(const float* images, int64_t count,
                                  double momentum) = 0;
};

// Not thread-safe; one user at a time. Every method may throw
// std::runtime_error with the engine's reason, and OutOfMemory.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual std::string name() const = 0;  // "torch on cpu"

  // logits[count, K], or images[count, C, H, W], in evaluation mode.
  virtual void predict(const float* images, int64_t count, float* logits) = 0;
  // Calls task(i) for i < tasks, on the executor's own threads.
  virtual void parallel_for(int64_t tasks,
                            const std::function<void(int64_t)>& task) = 0;

  virtual void start_training(const TrainSettings& settings) = 0;
  virtual void start_epoch(int64_t number, int64_t steps) = 0;
  // Forward, loss, backward, update. Reads nothing back to the host.
  virtual void train(const Batch& batch, double lr) = 0;
  virtual Totals totals() = 0;
  // Exchanges the weights with their moving average; called in pairs.
  virtual void swap_averages() = 0;
  virtual void pull() = 0;  // copies the executor's weights into the model
  virtual void push() = 0;  // copies the model's weights into the executor
  // The weights must not be the moving average.
  virtual TrainingState training_state() = 0;
  // Behind start_epoch() of the same training, whose tensors have the state's
  // sizes: it goes on from there.
  virtual void restore_training(const TrainingState& state) = 0;

  // After start_training(), until the next one.
  virtual ResidentSupport resident_training() = 0;
  virtual Inspector* inspector() = 0;  // the executor's own
};

class OutOfMemory : public std::runtime_error {
 public:
  explicit OutOfMemory(const std::string& reason, int64_t fitting = 0)
      : std::runtime_error(reason), fitting(fitting) {}
  int64_t fitting;  // a batch size that would do; 0: not known
};

}  // namespace digitnet::engine
