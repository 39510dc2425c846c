// Who computes: the small interface between a network tree and the machine.
// One executor runs any network by LibTorch, on a CPU or a GPU
// (torch_executor.h); one runs the usual layers by kernels of our own on a CPU
// (native_executor.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "augment/pipeline.h"
#include "core/options.h"
#include "data/view.h"
#include "engine/ranks.h"
#include "models/model.h"

namespace at {
struct Generator;
}

namespace digitnet::engine {

// What is asked of a device, recorded to be asked again without the host.
using Work = std::function<void()>;
struct Recorder {
  // Calls `warm_up` some times, then records what `work`, the same, asks for.
  // Throws std::runtime_error with the reason if the device cannot.
  std::function<Work(const Work& warm_up, const Work& work)> record;
  // Where the work must take its random numbers from.
  std::shared_ptr<at::Generator> random;
};

// Samples as the network takes them: preprocessed, [count, C, H, W] floats.
struct Batch {
  const float* images = nullptr;
  const int64_t* labels = nullptr;  // [count]
  const float* weights = nullptr;   // [count], or null: all 1
  // Of a network that makes images: what it should make, [count, C, H, W]. The
  // loss is the mean squared error then, and labels are not read.
  const float* targets = nullptr;
  int64_t count = 0;
  // With two domains: so many samples, the first ones, are of the one whose
  // labels are known; the others' labels and weights are not read. -1: all are.
  int64_t known = -1;
  double reversal = 0;  // of the gradient behind domain heads, times -1
  // Of several ranks: how many samples the batch has for all, the part of this
  // rank's loss in the batch's, and whether its sums count.
  int64_t whole = 0;
  double share = 1;
  bool counted = true;
};

struct TrainSettings {
  Spec optimizer;
  std::vector<double> lr_scales;  // one per slot of the model; 0 freezes it
  double l1 = 0;                  // times the sum of absolute weights
  double l2 = 0;                  // times the sum of squared weights
  double label_smoothing = 0;
  double clip_norm = 0;  // of the whole gradient; 0: off
  double ema_decay = 0;  // of the weights' moving average; 0: off
  uint64_t seed = 0;
  bool rounded = false;  // layers compute in bfloat16, weights stay in float32
  Ranks ranks;           // who trains along
  Recorder recorder;     // of the steps on a set that is held; empty: none does

  // Young averages forget faster, so that the first weights do not linger.
  double average_decay(int64_t steps) const {
    const double decay =
        (1 + static_cast<double>(steps)) / (10 + static_cast<double>(steps));
    return decay < ema_decay ? decay : ema_decay;
  }
};

// Sums since start_epoch().
struct Totals {
  double loss = 0;  // mean over samples
  int64_t correct = 0;
  int64_t samples = 0;
  int64_t bad_step = -1;  // first step of the epoch whose loss was not finite
};

// A training set that an executor may keep in its device's memory: borrowed
// until hold() returns.
struct Held {
  const data::DatasetView* set;
  const augment::Pipeline* augment;
  const augment::Drawn* drawn;        // the room of an epoch
  const std::vector<float>* weights;  // of the samples, or empty: all 1
  int64_t batch_size;
};

// What an epoch of it goes by: borrowed until start_held_epoch() returns.
struct HeldEpoch {
  const std::vector<int64_t>* order;
  const augment::Drawn* drawn;       // in that order
  const std::vector<double>* rates;  // the learning rate of every step
};

// Not thread-safe; one user at a time. Every method may throw
// std::runtime_error with LibTorch's reason, and OutOfMemory.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual std::string name() const = 0;  // "torch on cpu"

  // logits[count, K], or images[count, C, H, W], in evaluation mode.
  virtual void predict(const float* images, int64_t count, float* logits) = 0;
  // Outputs of layers by path, each [count, ...] in row-major order: of `only`
  // these, or of all if it is empty.
  struct Activation {
    std::string path;
    std::vector<int64_t> sizes;
    std::vector<float> values;
  };
  virtual std::vector<Activation> activations(
      const float* images, int64_t count,
      const std::vector<std::string>& only) = 0;
  // A unit of a layer for each sample: a feature, or a channel's mean over its
  // map. The layer "" stands for the logits.
  struct Aim {
    std::string layer;
    std::vector<int64_t> units;
  };
  // How the units' answers change with the output of the layer `by` ("": with
  // the images). Throws std::invalid_argument for no such layer or unit, or if
  // `by` comes behind the aim.
  struct Slopes {
    std::vector<float> values;     // [count]: the units' answers
    std::vector<int64_t> sizes;    // of the two below
    std::vector<float> outputs;    // of `by`
    std::vector<float> gradients;  // of each value by its sample's outputs
  };
  virtual Slopes slopes(const float* images, int64_t count, const Aim& aim,
                        const std::string& by) = 0;
  // Each sample's loss in evaluation mode, [count], and its slope by the
  // sample's own image, [count, C, H, W].
  struct LossSlopes {
    std::vector<float> losses, gradients;
  };
  virtual LossSlopes loss_slopes(const float* images, const int64_t* labels,
                                 int64_t count) = 0;
  // Running statistics of batch norms move towards these images' by so much (1:
  // they become them); everything else as in evaluation mode.
  virtual void observe_statistics(const float* images, int64_t count,
                                  double momentum) = 0;

  // Calls task(i) for i < tasks, on the executor's own threads if it has any.
  virtual void share(int64_t tasks, const std::function<void(int64_t)>& task) {
    for (int64_t i = 0; i < tasks; ++i) task(i);
  }

  virtual void start_training(const TrainSettings& settings) = 0;
  // Why it would keep no set, whatever set it is: then the four below throw
  // std::logic_error. "": ask hold().
  virtual std::string holds_none() const = 0;
  // Keeps the set, so that its steps need nothing of the host. Returns "", or
  // why it is not kept: then start_epoch() and train() are to be called.
  virtual std::string hold(const Held&) {
    throw std::logic_error(holds_none());
  }
  virtual void start_held_epoch(const HeldEpoch&) {
    throw std::logic_error(holds_none());
  }
  // The next steps of the epoch, `most` or fewer, at least one; returns how
  // many. The last of an epoch may have fewer samples.
  virtual int64_t train_held(int64_t) { throw std::logic_error(holds_none()); }
  // In words, how they are asked of the device: "16 captured steps a launch".
  virtual std::string launches() const { throw std::logic_error(holds_none()); }
  virtual void start_epoch(int64_t steps) = 0;
  // Forward, loss, backward, update. Reads nothing back to the host.
  virtual void train(const Batch& batch, double lr) = 0;
  virtual Totals totals() = 0;
  // Exchanges the weights with their moving average; called in pairs.
  virtual void swap_averages() = 0;
  // Weights in the model's memory become those of the executor, or the reverse.
  virtual void pull() = 0;
  virtual void push() = 0;
};

class OutOfMemory : public std::runtime_error {
 public:
  explicit OutOfMemory(const std::string& reason, int64_t fitting = 0)
      : std::runtime_error(reason), fitting(fitting) {}
  int64_t fitting;  // a batch size that would do; 0: not known
};

// `device` is "cpu", "cuda", "cuda:1" or "auto" (a GPU if there is one). The
// executor borrows the model. Throws std::runtime_error if there is no such
// device.
// On a CPU the native executor is taken for every network it covers, unless the
// environment variable DIGITNET_EXECUTOR is "torch", or something is needed
// that it cannot do, which is named: slopes by the image while it trains,
// ranks.
std::unique_ptr<Executor> make_executor(models::Model& model,
                                        const std::string& device,
                                        const std::string& need = "");
// Which executor that would be and, if it is not the native one, why.
struct Choice {
  std::string executor;  // "native (avx512, 2 threads)", "torch on cpu"
  std::string reason;    // "" for the native one
};
Choice choose_executor(models::Model& model, const std::string& device,
                       const std::string& need = "");
// What make_executor() heeds beside the model, as one word to compare.
std::string executor_settings(const std::string& device);
std::string resolve_device(const std::string& device);
// The value of an environment variable, or "".
std::string environment(const char* name);
// As torch.set_num_threads() says.
int num_threads();

// f(sample, block) for samples [0, count), by blocks shared among the
// executor's threads; blocks_of(count) blocks there are.
constexpr int64_t kBlockSamples = 16;
inline int64_t blocks_of(int64_t count) {
  return (count + kBlockSamples - 1) / kBlockSamples;
}
template <class F>
void each_sample(Executor& executor, int64_t count, const F& f) {
  executor.share(blocks_of(count), [&](int64_t block) {
    const int64_t first = block * kBlockSamples;
    const int64_t last = std::min(first + kBlockSamples, count);
    for (int64_t i = first; i < last; ++i) f(i, block);
  });
}

}  // namespace digitnet::engine
