#include "engine/native/executor.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/list.h"
#include "core/random.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/native/inspector.h"
#include "engine/native/losses.h"
#include "engine/native/plan.h"
#include "optimizers/all.h"

namespace digitnet::engine {
namespace {

using native::kPassImages;
using native::Pass;
using native::Weight;

// Parameters of one update task, a trade-off: 64 KiB of value, gradient and
// each state, few enough that a dense layer keeps several threads busy, and so
// many that handing out a task costs nothing beside it.
constexpr int64_t kTaskParameters = 1 << 14;

class NativeExecutor : public Executor, private native::Updater {
 public:
  explicit NativeExecutor(models::Model& model)
      : model_(model),
        kernels_(kernels::select()),
        plan_(model),
        pool_(num_threads()) {
    plan_.load();
  }

  std::string name() const override { return native_name(); }

  void predict(const float* images, int64_t count, float* logits) override {
    with_memory([&] {
      const int64_t pass_images =
          plan_.reserve_pass(count, false, pool_.threads());
      const int64_t features = model_.preprocess().output().size();
      const int64_t outputs = model_.outputs();
      for (int64_t start = 0; start < count; start += pass_images) {
        const Pass pass{kernels_, pool_, std::min(pass_images, count - start),
                        false};
        plan_.forward(pass, images + start * features);
        native::each_image(pass, [&](int64_t n) {
          native::to_row_major(kernels_, plan_.output(), plan_.output().value,
                               n, logits + (start + n) * outputs);
        });
      }
    });
  }

  void parallel_for(int64_t tasks,
                    const std::function<void(int64_t)>& task) override {
    pool_.parallel_for(tasks, task);
  }

  void start_training(const TrainSettings& settings) override {
    with_memory([&] {
      settings_ = settings;
      const auto& entry =
          find(optimizers::all(), "optimizer", settings.optimizer.name);
      kernel_ = entry.kernel;
      update_ = {};
      entry.configure(settings.optimizer.options, update_);
      plan_.set_rates(settings.lr_scales);
      tasks_.clear();
      for (const Weight* weight : plan_.weights()) {
        for (int64_t at = 0; at < weight->count() && !weight->frozen();
             at += kTaskParameters) {
          tasks_.push_back(
              {weight, at, std::min(kTaskParameters, weight->count() - at)});
        }
      }
      squares_.assign(tasks_.size(), 0.0);
      const size_t size = plan_.values().size();
      for (int i = 0; i < 2; ++i)
        states_[i].assign(i < entry.states ? size : 0, 0.0f);
      averages_.clear();
      if (settings.ema_decay > 0) averages_ = plan_.values();
      steps_ = 0;
    });
  }

  void start_epoch(int64_t, int64_t) override {
    totals_ = {};
    epoch_steps_ = 0;
  }

  void train(const Batch& batch, double lr) override {
    with_memory([&] {
      reserve(batch.count);
      Pass pass{kernels_, pool_, batch.count, true};
      Draws draws(settings_.seed, Stream::Dropout, steps_, steps_ >> 32);
      pass.key[0] = draws.bits();
      pass.key[1] = draws.bits();
      pass.batch = &batch;
      plan_.forward(pass, batch.images);
      measure(pass, batch);
      ++steps_;
      lr_ = lr;
      update_.step = static_cast<double>(steps_);
      update_.gradient_scale = 1;
      // Clipping needs the norm of all gradients before the first update.
      const bool early = settings_.clip_norm <= 0;
      if (early) pass.updater = this;
      if (!tasks_.empty()) plan_.backward(pass);
      update_rest(early);
    });
  }

  Totals totals() override {
    Totals result = totals_;
    if (result.samples > 0) result.loss /= static_cast<double>(result.samples);
    return result;
  }

  void swap_averages() override {
    if (!averages_.empty())
      std::swap_ranges(averages_.begin(), averages_.end(),
                       plan_.values().begin());
  }

  void pull() override { plan_.store(); }
  void push() override { plan_.load(); }

  TrainingState training_state() override {
    TrainingState state;
    const auto give = [&](const native::Floats& block,
                          std::vector<float>& values) {
      if (block.empty()) return;
      values.resize(model_.trained().size());
      plan_.store(block, values);
    };
    for (int i = 0; i < 2; ++i) give(states_[i], state.moments[i]);
    give(averages_, state.averages);
    state.steps = steps_;
    state.epoch.steps = epoch_steps_;
    state.epoch.sums = totals_;
    return state;
  }

  void restore_training(const TrainingState& state) override {
    const auto take = [&](const std::vector<float>& values,
                          native::Floats& block) {
      if (!values.empty()) plan_.load(values, block);
    };
    for (int i = 0; i < 2; ++i) take(state.moments[i], states_[i]);
    take(state.averages, averages_);
    steps_ = state.steps;
    epoch_steps_ = state.epoch.steps;
    totals_ = state.epoch.sums;
  }

  ResidentSupport resident_training() override {
    return {nullptr, "the native executor works in the host's memory"};
  }
  Inspector* inspector() override {
    if (!inspector_)
      inspector_.emplace(model_, kernels_, pool_, plan_.values());
    return &*inspector_;
  }

 private:
  void reserve(int64_t images) {
    if (images > plan_.capacity()) require_memory(images);
    plan_.reserve(images, true, pool_.threads());
  }

  // Throws if a batch's maps would drive the machine out of memory.
  void require_memory(int64_t images) const {
    constexpr int64_t kMega = 1 << 20;
    const int64_t needed =
        plan_.bytes_for(images, true, pool_.threads()) / kMega;
    const int64_t free = free_memory() / kMega;
    if (needed <= free) return;
    throw OutOfMemory(
        join("its maps take ", needed, " MiB, ", free, " MiB are free"),
        std::max<int64_t>(1, images * free / (2 * (needed + 1))));
  }

  // The loss, into the totals, and its gradient.
  void measure(const Pass& pass, const Batch& batch) {
    const native::BatchLoss loss =
        native::loss_of(pass, batch, model_.loss(), settings_.label_smoothing,
                        plan_.output(), losses_);
    const double mean = loss.mean + plan_.auxiliary_loss();
    if (!std::isfinite(mean) && totals_.bad_step < 0)
      totals_.bad_step = epoch_steps_;
    const int64_t samples = batch.labelled < 0 ? batch.count : batch.labelled;
    totals_.loss += mean * static_cast<double>(samples);
    totals_.correct += loss.correct;
    totals_.samples += samples;
    ++epoch_steps_;
  }

  // The weights that the backward pass has not updated while their gradients
  // were in a core's cache.
  void update_rest(bool early) {
    const auto tasks = static_cast<int64_t>(tasks_.size());
    if (!early) clip();
    pool_.parallel_for(tasks, [&](int64_t i) {
      const Task& task = tasks_[i];
      if (early && task.weight->early) return;
      if (early) {
        update(*task.weight, task.first, task.count);
      } else {
        step(*task.weight, task.first, task.count);
      }
    });
  }

  void update(const Weight& weight, int64_t first, int64_t count) override {
    regularise(weight, first, count);
    step(weight, first, count);
  }

  void regularise(const Weight& weight, int64_t first, int64_t count) const {
    if (!weight.decays || (settings_.l1 == 0 && settings_.l2 == 0)) return;
    kernels_.regularise(weight.value + first, static_cast<float>(settings_.l1),
                        static_cast<float>(settings_.l2),
                        weight.gradient + first, count);
  }

  void step(const Weight& weight, int64_t first, int64_t count) {
    const int64_t offset = weight.offset + first;
    kernels::Update task = update_;
    task.value = weight.value + first;
    task.gradient = weight.gradient + first;
    for (int s = 0; s < 2; ++s)
      if (!states_[s].empty()) task.state[s] = states_[s].data() + offset;
    task.count = count;
    task.lr = static_cast<float>(lr_ * weight.lr_scale);
    (kernels_.*kernel_)(task);
    if (averages_.empty()) return;
    const double rate = 1 - settings_.average_decay(steps_);
    kernels_.average(task.value, averages_.data() + offset,
                     static_cast<float>(rate), count);
  }

  // Penalties first: they are part of the gradient whose norm is clipped.
  void clip() {
    pool_.parallel_for(static_cast<int64_t>(tasks_.size()), [&](int64_t i) {
      const Task& task = tasks_[i];
      regularise(*task.weight, task.first, task.count);
      squares_[i] = kernels_.sum_of_squares(task.weight->gradient + task.first,
                                            task.count);
    });
    double sum = 0;
    for (const double square : squares_) sum += square;
    update_.gradient_scale = static_cast<float>(
        std::min(1.0, settings_.clip_norm / (std::sqrt(sum) + 1e-6)));
  }

  // A range of a weight that one thread updates.
  struct Task {
    const Weight* weight;
    int64_t first, count;
  };

  models::Model& model_;
  const kernels::Kernels& kernels_;
  native::Plan plan_;
  kernels::ThreadPool pool_;
  std::optional<native::NativeInspector> inspector_;  // made when asked for

  TrainSettings settings_;
  optimizers::Kernel kernel_ = nullptr;
  kernels::Update update_{};
  std::vector<Task> tasks_;      // of all weights that are not frozen
  std::vector<double> squares_;  // the sum of each task's gradients' squares
  std::vector<double> losses_;   // of each sample
  native::Floats states_[2], averages_;
  double lr_ = 0;
  int64_t steps_ = 0;

  Totals totals_;  // loss: the sum so far
  int64_t epoch_steps_ = 0;
};

}  // namespace

std::unique_ptr<Executor> make_native_executor(models::Model& model) {
  return std::make_unique<NativeExecutor>(model);
}

std::string native_name() {
  return join("native (", kernels::select().name, ", ", num_threads(),
              num_threads() == 1 ? " thread)" : " threads)");
}

int64_t native_bytes(models::Model& model, int64_t batch_size) {
  // A line through two tiny batches: a large one need not fit, and takes
  // seconds to lay out.
  constexpr int64_t kSmall = 2, kLarger = 4;
  native::Plan plan(model);
  // Nobody is to run out of memory by being told how much a training takes.
  if (plan.bytes_for(kLarger, true, num_threads()) > native::kPassBytes)
    return plan.bytes() + plan.bytes_for(batch_size, true, num_threads());
  plan.reserve(std::min(batch_size, kSmall), true, num_threads());
  const int64_t small = plan.bytes();
  if (batch_size <= kSmall) return small;
  plan.reserve(kLarger, true, num_threads());
  return small +
         (plan.bytes() - small) * (batch_size - kSmall) / (kLarger - kSmall);
}

}  // namespace digitnet::engine
