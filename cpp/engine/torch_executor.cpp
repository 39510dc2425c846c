#include "engine/torch_executor.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/list.h"
#include "core/random.h"
#include "engine/torch_losses.h"
#include "engine/torch_network.h"
#include "train/optimizers.h"

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

// A run of slots that train at one rate.
struct Segment {
  int64_t offset, count;
  double lr_scale;
};

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
          losses_of(network_(x, state), on_device(labels, count));
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

  void start_training(const TrainSettings& settings) override {
    guarded([&] { begin(settings); });
  }

  void start_epoch(int64_t steps) override {
    losses_ = at::zeros({steps}, network_.values().options());
    correct_ = at::zeros({}, network_.values().options().dtype(at::kLong));
    counts_.clear();
  }

  void train(const Batch& batch, double lr) override {
    guarded([&] { step(batch, lr); });
  }

  Totals totals() override {
    return guarded([&] {
      Totals totals;
      const at::Tensor losses = losses_.to(at::kCPU);
      const float* loss = losses.const_data_ptr<float>();
      double sum = 0;
      for (size_t i = 0; i < counts_.size(); ++i) {
        if (!std::isfinite(loss[i]) && totals.bad_step < 0)
          totals.bad_step = static_cast<int64_t>(i);
        sum += static_cast<double>(loss[i]) * static_cast<double>(counts_[i]);
        totals.samples += counts_[i];
      }
      totals.loss =
          totals.samples ? sum / static_cast<double>(totals.samples) : 0;
      totals.correct = correct_.item<int64_t>();
      return totals;
    });
  }

  void swap_averages() override {
    if (!averages_.defined()) return;
    at::NoGradGuard guard;
    const at::Tensor kept = network_.values().clone();
    network_.values().copy_(averages_);
    averages_.copy_(kept);
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

  void begin(const TrainSettings& settings) {
    settings_ = settings;
    const auto& entry =
        find(train::optimizers::all(), "optimizer", settings.optimizer.name);
    update_ = entry.update;
    gradients_ = at::zeros_like(network_.values());
    state_.clear();
    for (int i = 0; i < entry.states; ++i)
      state_.push_back(at::zeros_like(network_.values()));
    averages_ =
        settings.ema_decay > 0 ? network_.values().clone() : at::Tensor();
    random_ = at::globalContext().defaultGenerator(device_).clone();
    steps_ = 0;
    segments_.clear();
    network_.thaw_all();
    for (size_t i = 0; i < model_.slots().size(); ++i) {
      const Slot& slot = model_.slots()[i];
      if (slot.parameter.is_buffer) continue;
      const double scale = settings.lr_scales.at(i);
      at::Tensor& tensor = network_.tensor(slot.parameter.name);
      tensor.requires_grad_(scale != 0);
      tensor.mutable_grad() =
          scale != 0 ? view_of(slot, gradients_) : at::Tensor();
      if (scale == 0) {
        network_.freeze_layer_of(slot.parameter.name);
      } else if (!segments_.empty() && segments_.back().lr_scale == scale &&
                 segments_.back().offset + segments_.back().count ==
                     slot.offset) {
        segments_.back().count += slot.parameter.count();
      } else {
        segments_.push_back({slot.offset, slot.parameter.count(), scale});
      }
    }
  }

  // One training step: everything stays on the device.
  void step(const Batch& batch, double lr) {
    at::AutoGradMode grad(true);
    gradients_.zero_();
    random_.set_current_seed(
        Draws(settings_.seed, Stream::Dropout, steps_,
              (steps_ >> 32) + (settings_.ranks.rank << 32))
            .bits());
    RunState state{true, &random_};
    state.ranks = &settings_.ranks;
    state.whole = batch.whole;
    state.input = network_.input(batch.images, batch.count);
    if (!batch.targets) state.labels = on_device(batch.labels, batch.count);
    state.known = batch.known;
    state.reversal = batch.reversal;
    const at::Tensor answers = network_(state.input, state);
    const at::Tensor& labels = state.labels;
    at::Tensor loss =
        weighted_mean(batch.targets ? squared_errors(answers, batch)
                                    : losses_of(answers, labels),
                      batch);
    if (state.side_losses.defined()) loss = loss + state.side_losses.mean();
    const bool several = settings_.ranks.several();
    if (!segments_.empty()) (several ? loss * batch.share : loss).backward();
    at::NoGradGuard guard;
    if (several) settings_.ranks.sum(gradients_);
    ++steps_;
    regularise();
    for (const Segment& segment : segments_) update(segment, lr);
    if (averages_.defined()) {
      averages_.lerp_(network_.values(), 1 - settings_.average_decay(steps_));
    }
    // So that the ranks' losses, times their counts, add up to the batch's.
    const double part = batch.count < batch.whole
                            ? batch.share * static_cast<double>(batch.whole) /
                                  static_cast<double>(batch.count)
                            : 1;
    losses_.select(0, static_cast<int64_t>(counts_.size()))
        .copy_(part == 1 ? loss.detach() : loss.detach() * part);
    if (labels.defined() && batch.counted) {
      const at::Tensor hits = answers.detach().argmax(1).eq(labels);
      correct_.add_(hits.narrow(0, 0, known_of(batch)).sum());
    }
    counts_.push_back(batch.counted ? known_of(batch) : 0);
  }

  // Samples whose labels count.
  static int64_t known_of(const Batch& batch) {
    return batch.known < 0 ? batch.count : batch.known;
  }

  at::Tensor on_device(const int64_t* values, int64_t count) const {
    return at::from_blob(const_cast<int64_t*>(values), {count}, at::kLong)
        .to(device_);
  }

  at::Tensor losses_of(const at::Tensor& logits,
                       const at::Tensor& labels) const {
    return model_.loss() == models::Loss::Margin
               ? margin_losses(logits, labels)
               : cross_entropies(logits, labels, settings_.label_smoothing);
  }

  // Mean squared error of each sample.
  at::Tensor squared_errors(const at::Tensor& made, const Batch& batch) const {
    const at::Tensor wanted = network_.input(batch.targets, batch.count);
    return (made - wanted).square().mean({1, 2, 3});
  }

  at::Tensor weighted_mean(const at::Tensor& loss, const Batch& batch) const {
    if (!batch.weights) return loss.mean();
    const at::Tensor weights = at::from_blob(const_cast<float*>(batch.weights),
                                             {batch.count}, at::kFloat)
                                   .to(device_);
    return (loss * weights).sum() / weights.sum().clamp_min(1e-12);
  }

  void regularise() {
    if (settings_.l1 > 0 || settings_.l2 > 0) {
      for (const Slot& slot : model_.slots()) {
        const at::Tensor& tensor = network_.tensor(slot.parameter.name);
        if (!slot.parameter.decays || !tensor.requires_grad()) continue;
        const at::Tensor weight =
            network_.values().narrow(0, slot.offset, slot.parameter.count());
        const at::Tensor gradient =
            gradients_.narrow(0, slot.offset, slot.parameter.count());
        if (settings_.l2 > 0) gradient.add_(weight, 2 * settings_.l2);
        if (settings_.l1 > 0) gradient.add_(weight.sign(), settings_.l1);
      }
    }
    if (settings_.clip_norm > 0) {
      gradients_.mul_(
          (settings_.clip_norm / (gradients_.norm() + 1e-6)).clamp_max(1));
    }
  }

  void update(const Segment& segment, double lr) {
    const auto part = [&](const at::Tensor& block) {
      return block.narrow(0, segment.offset, segment.count);
    };
    std::vector<at::Tensor> state;
    for (const at::Tensor& block : state_) state.push_back(part(block));
    update_(settings_.optimizer.options, lr * segment.lr_scale, steps_,
            part(network_.values()), part(gradients_), state);
  }

  models::Model& model_;
  at::Device device_;
  TorchNetwork network_;

  TrainSettings settings_;
  train::optimizers::Update update_ = nullptr;
  at::Tensor gradients_, averages_;
  std::vector<at::Tensor> state_;
  std::vector<Segment> segments_;
  at::Generator random_;
  int64_t steps_ = 0;

  at::Tensor losses_, correct_;
  std::vector<int64_t> counts_;  // samples of each step of the epoch
};

}  // namespace

std::unique_ptr<Executor> make_torch_executor(models::Model& model,
                                              const std::string& device) {
  return std::make_unique<TorchExecutor>(model, device);
}

}  // namespace digitnet::engine
