#include "engine/torch/executor.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/environment.h"
#include "core/error.h"
#include "engine/torch/captured_steps.h"
#include "engine/torch/guarded.h"
#include "engine/torch/inspector.h"
#include "engine/torch/network.h"
#include "engine/torch/tensors.h"
#include "engine/torch/trainer.h"
#include "kernels/thread_pool.h"

namespace digitnet::engine {
namespace {

class TorchExecutor : public Executor {
 public:
  TorchExecutor(models::Model& model, const std::string& device, int threads)
      : model_(model),
        threads_(threads),
        device_(device),
        network_(guarded([&] { return TorchNetwork(model, device); })),
        inspector_(model, network_) {
    // On a CPU as many images at once as 1 GiB holds; a GPU says itself what it
    // has no memory for.
    constexpr int64_t kPassFloats = 1 << 28;
    if (device_.is_cpu()) {
      pass_images_ = std::max<int64_t>(
          1, kPassFloats / models::peak_activations(
                               model.network(), model.preprocess().output()));
    }
  }

  std::string name() const override { return "torch on " + device_.str(); }

  void predict(const float* images, int64_t count, float* logits) override {
    guarded(exact(), [&] {
      at::NoGradGuard guard;
      const int64_t features = model_.preprocess().output().size();
      for (int64_t first = 0; first < count; first += pass_images_) {
        RunState state;
        const int64_t images_here = std::min(pass_images_, count - first);
        const at::Tensor out =
            network_(network_.input(images + first * features, images_here),
                     state)
                .to(at::kCPU)
                .contiguous();
        std::copy_n(out.const_data_ptr<float>(), out.numel(),
                    logits + first * model_.outputs());
      }
    });
  }

  void parallel_for(int64_t tasks,
                    const std::function<void(int64_t)>& task) override {
    if (!pool_) pool_.emplace(threads_);
    pool_->parallel_for(tasks, task);
  }

  void start_training(const TrainSettings& settings) override {
    steps_.reset();
    guarded([&] { trainer_.emplace(model_, network_, device_, settings); });
    steps_.emplace(model_, network_, device_, *trainer_);
  }

  void start_epoch(int64_t number, int64_t steps) override {
    guarded([&] { trainer_->start_epoch(number, std::vector<double>(steps)); });
  }

  void train(const Batch& batch, double lr) override {
    guarded(trainer_->arithmetic(), [&] {
      trainer_->take_step(uploaded(batch), lr);
      const int64_t labelled =
          batch.labelled < 0 ? batch.count : batch.labelled;
      trainer_->count(batch.in_totals ? labelled : 0);
    });
  }

  Totals totals() override {
    return guarded([&] { return trainer_->totals(); });
  }

  void swap_averages() override {
    guarded([&] { trainer_->swap_averages(); });
  }

  void pull() override {
    model_.touch();
    guarded([&] { network_.pull(); });
  }

  void push() override {
    guarded([&] { network_.push(); });
  }

  TrainingState training_state() override {
    return guarded([&] { return trainer_->state(); });
  }

  void restore_training(const TrainingState& state) override {
    guarded([&] { trainer_->restore(state); });
  }

  // On a CPU the host's memory is the device's: only tests want a copy there.
  ResidentSupport resident_training() override {
    const std::string value = environment("DIGITNET_RESIDENT");
    require(value.empty() || value == "0" || value == "1",
            "DIGITNET_RESIDENT: expected '0' or '1', got '", value, "'");
    if (value == "0") return {nullptr, "DIGITNET_RESIDENT is '0'"};
    if (device_.is_cpu() && value.empty())
      return {nullptr, "the data are in its memory"};
    return {&*steps_, ""};
  }

  Inspector* inspector() override { return &inspector_; }

 private:
  // Of predictions; beside a training as deterministic as that.
  Arithmetic exact() const {
    return {.device = device_.type(),
            .deterministic = trainer_ && trainer_->settings().deterministic};
  }

  TorchBatch uploaded(const Batch& batch) const {
    TorchBatch result;
    result.images = network_.input(batch.images, batch.count);
    if (batch.targets) {
      result.targets = network_.input(batch.targets, batch.count);
    } else {
      result.labels = of_host(batch.labels, {batch.count}).to(device_);
    }
    if (batch.weights)
      result.weights = of_host(batch.weights, {batch.count}).to(device_);
    result.labelled = batch.labelled;
    result.reversal_coefficient = batch.reversal_coefficient;
    result.global_count = batch.global_count;
    result.rank_weight = batch.rank_weight;
    result.in_totals = batch.in_totals;
    return result;
  }

  models::Model& model_;
  int threads_;
  at::Device device_;
  int64_t pass_images_ = std::numeric_limits<int64_t>::max();
  TorchNetwork network_;
  TorchInspector inspector_;
  std::optional<TorchTrainer> trainer_;
  std::optional<CapturedSteps> steps_;  // borrows the trainer
  // Made when samples are first prepared.
  std::optional<kernels::ThreadPool> pool_;
};

}  // namespace

std::unique_ptr<Executor> make_torch_executor(models::Model& model,
                                              const std::string& device,
                                              int threads) {
  return std::make_unique<TorchExecutor>(model, device, threads);
}

}  // namespace digitnet::engine
