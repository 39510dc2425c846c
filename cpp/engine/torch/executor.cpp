#include "engine/torch/executor.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/list.h"
#include "engine/torch/captured_steps.h"
#include "engine/torch/network.h"
#include "engine/torch/tensors.h"
#include "engine/torch/trainer.h"
#include "kernels/thread_pool.h"

namespace digitnet::engine {
namespace {

using models::Slot;

// LibTorch's errors without their C++ backtrace, and memory by its own name.
template <class F>
auto guarded(F f) {
  try {
    return f();
  } catch (const c10::OutOfMemoryError& error) {
    throw OutOfMemory(error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("allocate memory") != std::string::npos)
      throw OutOfMemory(what);
    throw std::runtime_error("torch: " + what);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("not enough memory");
  }
}

class TorchExecutor : public Executor {
 public:
  TorchExecutor(models::Model& model, const std::string& device)
      : model_(model), device_(device), network_([&] {
          return guarded([&] { return TorchNetwork(model, device); });
        }()) {}

  std::string name() const override { return "torch on " + device_.str(); }

  void predict(const float* images, int64_t count, float* logits) override {
    guarded([&] {
      at::NoGradGuard guard;
      RunState state;
      const at::Tensor out = network_(network_.input(images, count), state)
                                 .to(at::kCPU)
                                 .contiguous();
      std::copy_n(out.const_data_ptr<float>(), out.numel(), logits);
    });
  }

  std::vector<Activation> activations(
      const float* images, int64_t count,
      const std::vector<std::string>& only) override {
    return guarded([&] {
      at::NoGradGuard guard;
      std::vector<Activation> result;
      RunState state;
      state.observe = [&](const std::string& path, const at::Tensor& x) {
        if (only.empty() || std::count(only.begin(), only.end(), path) > 0)
          result.push_back({path, x.sizes().vec(), to_vector(x)});
      };
      network_(network_.input(images, count), state);
      return result;
    });
  }

  Slopes slopes(const float* images, int64_t count, const Aim& aim,
                const std::string& by) override {
    return guarded([&] { return slopes_of(images, count, aim, by); });
  }

  LossSlopes loss_slopes(const float* images, const int64_t* labels,
                         int64_t count) override {
    return guarded([&] {
      at::AutoGradMode grad(true);
      const at::Tensor x =
          network_.input(images, count).clone().requires_grad_(true);
      RunState state;
      const at::Tensor losses =
          losses_of(model_.loss(), network_(x, state), on_device(labels, count),
                    trainer_ ? trainer_->settings().label_smoothing : 0);
      const auto slopes = torch::autograd::grad({losses.sum()}, {x});
      return LossSlopes{to_vector(losses), to_vector(slopes[0])};
    });
  }

  void observe_statistics(const float* images, int64_t count,
                          double momentum) override {
    guarded([&] {
      at::NoGradGuard guard;
      RunState state;
      state.statistics_momentum = momentum;
      network_(network_.input(images, count), state);
    });
    model_.touch();
  }

  void share(int64_t tasks, const std::function<void(int64_t)>& task) override {
    if (!pool_) pool_.emplace(num_threads());
    pool_->parallel_for(tasks, task);
  }

  void start_training(const TrainSettings& settings) override {
    steps_.reset();
    guarded([&] { trainer_.emplace(model_, network_, device_, settings); });
  }

  // Where steps find their samples, if the environment does not say: on a GPU
  // in its memory, on a CPU in the host's, which is the same.
  std::string holds_none() const override {
    const std::string word = environment("DIGITNET_RESIDENT");
    require(word.empty() || word == "0" || word == "1",
            "DIGITNET_RESIDENT: expected '0' or '1', got '", word, "'");
    if (word == "0") return "DIGITNET_RESIDENT is '0'";
    return device_.is_cpu() && word.empty() ? "the data are in its memory" : "";
  }

  std::string hold(const Held& held) override {
    steps_.reset();
    try {
      guarded(
          [&] { steps_.emplace(HeldSet(held, model_, device_), *trainer_); });
    } catch (const OutOfMemory&) {
      return "the training set and an epoch's draws do not fit the memory of " +
             device_.str();
    }
    return "";
  }

  void start_held_epoch(const HeldEpoch& epoch) override {
    guarded([&] { steps_->start_epoch(epoch); });
  }

  int64_t train_held(int64_t most) override {
    return guarded([&] { return steps_->train(most); });
  }

  std::string launches() const override { return steps_->launches(); }

  void start_epoch(int64_t steps) override {
    guarded([&] { trainer_->start_epoch(std::vector<double>(steps)); });
  }

  void train(const Batch& batch, double lr) override {
    guarded([&] {
      const TorchBatch there = uploaded(batch);
      trainer_->set_rate(lr);
      trainer_->step(there);
      trainer_->count(there.counted ? there.of_known() : 0);
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
    if (device_.is_cpu()) return;  // the memory is the model's own
    guarded([&] {
      borrowed(model_.trained()).copy_(network_.values());
      borrowed(model_.buffers()).copy_(network_.buffers());
    });
  }

  void push() override {
    if (device_.is_cpu()) return;
    guarded([&] {
      network_.values().copy_(borrowed(model_.trained()));
      network_.buffers().copy_(borrowed(model_.buffers()));
    });
  }

 private:
  // In row-major order, on the host.
  static std::vector<float> to_vector(const at::Tensor& x) {
    const at::Tensor host = x.detach().to(at::kCPU).contiguous();
    const float* values = host.const_data_ptr<float>();
    return {values, values + host.numel()};
  }

  Slopes slopes_of(const float* images, int64_t count, const Aim& aim,
                   const std::string& by) {
    at::AutoGradMode grad(true);
    // Never the images' own memory: it becomes a leaf that has a gradient.
    at::Tensor x = network_.input(images, count).clone().requires_grad_(true);
    at::Tensor base = by.empty() ? x : at::Tensor(), answer;
    std::vector<std::string> known;
    RunState state;
    state.observe = [&](const std::string& path, const at::Tensor& y) {
      known.push_back(path);
      if (path == by) {
        base = y;
        base.retain_grad();
      }
      if (path == aim.layer) answer = y;
    };
    const at::Tensor logits = network_(x, state);
    if (aim.layer.empty()) answer = logits;
    const std::string& absent = answer.defined() ? by : aim.layer;
    require(answer.defined() && base.defined(), "unknown layer '", absent,
            "'; known: ", listed(known));
    if (answer.dim() == 4) answer = answer.mean({2, 3});
    for (const int64_t unit : aim.units) {
      require(unit >= 0 && unit < answer.size(1),
              "features.unit: expected 0 to ", answer.size(1) - 1, ", got ",
              unit);
    }
    const at::Tensor units = on_device(aim.units.data(), count);
    const at::Tensor chosen = answer.gather(1, units.unsqueeze(1)).squeeze(1);
    chosen.sum().backward();
    require(base.grad().defined(), "features.layer: expected one before '",
            aim.layer.empty() ? "the logits" : aim.layer, "', got '", by, "'");
    return {to_vector(chosen), base.sizes().vec(), to_vector(base),
            to_vector(base.grad())};
  }

  TorchBatch uploaded(const Batch& batch) const {
    TorchBatch there;
    there.images = network_.input(batch.images, batch.count);
    if (batch.targets) {
      there.targets = network_.input(batch.targets, batch.count);
    } else {
      there.labels = on_device(batch.labels, batch.count);
    }
    if (batch.weights) {
      there.weights = of_host(batch.weights, {batch.count}).to(device_);
    }
    there.known = batch.known;
    there.reversal = batch.reversal;
    there.whole = batch.whole;
    there.share = batch.share;
    there.counted = batch.counted;
    return there;
  }

  at::Tensor on_device(const int64_t* values, int64_t count) const {
    return of_host(values, {count}).to(device_);
  }

  models::Model& model_;
  at::Device device_;
  TorchNetwork network_;
  std::optional<TorchTrainer> trainer_;
  std::optional<HeldSteps> steps_;
  // Made when samples are first prepared.
  std::optional<kernels::ThreadPool> pool_;
};

}  // namespace

std::unique_ptr<Executor> make_torch_executor(models::Model& model,
                                              const std::string& device) {
  return std::make_unique<TorchExecutor>(model, device);
}

}  // namespace digitnet::engine
