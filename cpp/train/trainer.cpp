#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <new>

#include "core/error.h"
#include "core/list.h"
#include "engine/executor.h"
#include "engine/inference.h"
#include "engine/memory.h"
#include "optimizers/all.h"
#include "train/batches.h"
#include "train/schedules.h"
#include "train/snapshot.h"

namespace digitnet::train {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPulse{50};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Loop {
 public:
  Loop(models::Model& model, const data::DatasetView& training,
       const data::DatasetView& validation, const Config& config,
       const Hooks& hooks)
      : model_(model),
        training_(training),
        validation_(validation),
        config_(config),
        hooks_(hooks),
        executor_(engine::make_executor(
            model, config.device, beyond_native(config, hooks.ranks.count))),
        batches_(model, training, config, hooks.ranks),
        steps_(batches_.steps()),
        schedule_(find(schedules::all(), "schedule", config.schedule.name)
                      .make(config.schedule.options, {steps_, config.epochs})) {
  }

  Outcome run() {
    engine::keep_pages_mapped();
    engine::TrainSettings settings = settings_of(model_, config_, hooks_.ranks);
    settings.recorder = hooks_.recorder;
    executor_->start_training(settings);
    const std::string reason = batches_.hold(*executor_);
    held_ = reason.empty();
    if (!held_ && engine::resolve_device(config_.device) != "cpu")
      outcome_.loop = "batches from the host: " + reason;
    good_.take(model_);
    try {
      for (int64_t epoch = 1; epoch <= config_.epochs && running_; ++epoch)
        run_epoch(epoch);
    } catch (...) {
      try {
        close();
      } catch (const std::runtime_error&) {
        // The device is gone: the first reason is the one to tell, and the
        // model has the weights of its last whole epoch.
      }
      throw;
    }
    close();
    return outcome_;
  }

 private:
  void run_epoch(int64_t epoch) {
    const auto start = Clock::now();
    batches_.start_epoch(epoch);
    if (held_) {
      rates_.clear();
      for (int64_t step = 0; step < steps_; ++step)
        rates_.push_back(rate(epoch));
      batches_.start_held_epoch(*executor_, rates_);
      outcome_.loop =
          "the data in the device's memory, " + executor_->launches();
    } else {
      executor_->start_epoch(steps_);
    }
    recorded_ = {};
    for (int64_t step = 0; step < steps_;) {
      step += held_ ? take_held(step) : take(epoch, step);
      if (config_.record_steps) record();
      if (Clock::now() - last_pulse_ < kPulse) continue;
      last_pulse_ = Clock::now();
      const engine::Totals totals = executor_->totals();
      // Ranks find out together, at the end of the epoch.
      if (totals.bad_step >= 0 && !hooks_.ranks.several())
        return diverge(epoch, totals.bad_step);
      if (hooks_.pulse && hooks_.pulse(epoch, step, steps_, totals.loss))
        return interrupt();
    }
    finish_epoch(epoch, start);
  }

  // Both return how many steps they took.
  int64_t take(int64_t epoch, int64_t step) {
    lr_ = rate(epoch);
    engine::Batch batch = batches_.gather(*executor_, step);
    batch.reversal = reversal();
    executor_->train(batch, lr_);
    return 1;
  }

  int64_t take_held(int64_t step) {
    const int64_t taken =
        executor_->train_held(config_.record_steps ? 1 : steps_ - step);
    lr_ = rates_[step + taken - 1];
    return taken;
  }

  // Of the next step.
  double rate(int64_t epoch) {
    const double factor = schedule_->factor(taken_++);
    return config_.rates.empty() ? config_.learning_rate * factor
                                 : config_.rates[epoch - 1];
  }

  // Rises from 0 to 1, so that the head's early noise does no harm. Source:
  // Ganin et al., JMLR 17, 2016, section 5.2.2.
  double reversal() const {
    const double done = static_cast<double>(taken_) /
                        static_cast<double>(steps_ * config_.epochs);
    return 2 / (1 + std::exp(-10 * done)) - 1;
  }

  // The executor keeps sums: the step's loss is what they grew by.
  void record() {
    const engine::Totals totals = executor_->totals();
    const auto sum = [](const engine::Totals& of) {
      return of.loss * static_cast<double>(of.samples);
    };
    const auto count = static_cast<double>(totals.samples - recorded_.samples);
    outcome_.step_losses.push_back(totals.bad_step >= 0 || count == 0
                                       ? std::nan("")
                                       : (sum(totals) - sum(recorded_)) /
                                             count);
    outcome_.step_rates.push_back(lr_);
    recorded_ = totals;
  }

  void finish_epoch(int64_t epoch, Clock::time_point start) {
    const engine::Totals totals = of_all_ranks(executor_->totals());
    if (totals.bad_step >= 0) return diverge(epoch, totals.bad_step);
    executor_->swap_averages();
    averaged_ = true;
    executor_->pull();
    if (!all_finite(model_.trained())) return diverge(epoch, steps_ - 1);
    Epoch row{epoch,
              totals.loss,
              model_.outputs_images() ? std::nan("")
                                      : static_cast<double>(totals.correct) /
                                            static_cast<double>(totals.samples),
              std::nan(""),
              std::nan(""),
              lr_,
              0};
    if (validation_.count > 0 && !validate(row)) return interrupt();
    good_.take(model_);
    good_epoch_ = epoch;
    row.seconds = seconds_since(start);
    schedule_->epoch_done(monitored(row));
    const bool give_up = watch(row);
    const bool told_to = hooks_.epoch_done && hooks_.epoch_done(row);
    const bool stop = told_by_any(told_to || give_up);
    if (epoch == config_.epochs) return;
    if (stop) {
      running_ = false;
      outcome_.status = Status::StoppedEarly;
      return;
    }
    executor_->swap_averages();
    averaged_ = false;
  }

  engine::Totals of_all_ranks(engine::Totals totals) const {
    if (!hooks_.ranks.several()) return totals;
    const auto samples = static_cast<double>(totals.samples);
    const auto sums = engine::summed(
        {totals.loss * samples, static_cast<double>(totals.correct), samples,
         totals.bad_step >= 0 ? 1.0 : 0.0},
        hooks_.ranks);
    totals.loss = sums[0] / std::max(1.0, sums[2]);
    totals.correct = static_cast<int64_t>(sums[1]);
    totals.samples = static_cast<int64_t>(sums[2]);
    if (sums[3] > 0) totals.bad_step = std::max<int64_t>(0, totals.bad_step);
    return totals;
  }

  bool told_by_any(bool told) const {
    if (!hooks_.ranks.several()) return told;
    return engine::summed(std::vector<double>{told ? 1.0 : 0.0},
                          hooks_.ranks)[0] > 0;
  }

  // False: interrupted.
  bool validate(Epoch& row) {
    bool stop = false;
    const auto keep_going = [&] {
      if (Clock::now() - last_pulse_ < kPulse) return true;
      last_pulse_ = Clock::now();
      stop = hooks_.pulse && hooks_.pulse(row.number, steps_, steps_, row.loss);
      return !stop;
    };
    if (model_.outputs_images()) {
      row.val_loss =
          batches_.restoration_error(*executor_, validation_, keep_going);
      return !stop;
    }
    const auto logits =
        engine::logits_of(*executor_, model_, validation_, 256, keep_going);
    if (stop) return false;
    const auto score = engine::score(model_.loss(), logits, validation_.labels,
                                     validation_.count, model_.outputs());
    row.val_loss = score.loss;
    row.val_accuracy = score.accuracy;
    return true;
  }

  // What the run goes by; less is better.
  double monitored(const Epoch& row) const {
    if (config_.monitor == "loss") return row.loss;
    if (config_.monitor == "val_loss") return row.val_loss;
    return config_.monitor == "accuracy" ? -row.accuracy : -row.val_accuracy;
  }

  // Keeps the best epoch; true: early stopping has waited long enough.
  bool watch(const Epoch& row) {
    const double value = monitored(row);
    if (value < best_value_ - config_.min_delta) {
      best_value_ = value;
      outcome_.best_epoch = row.number;
      waited_ = 0;
      if (restores()) best_.take(model_);
      return false;
    }
    return config_.early_stopping > 0 && ++waited_ >= config_.early_stopping;
  }

  bool restores() const {
    return config_.early_stopping > 0 && config_.restore_best;
  }

  void interrupt() {
    running_ = false;
    outcome_.status = Status::Interrupted;
  }

  void diverge(int64_t epoch, int64_t step) {
    running_ = false;
    outcome_.status = Status::Diverged;
    outcome_.message =
        join("training diverged in epoch ", epoch, ", step ", step + 1, " of ",
             steps_, " (learning rate ", lr_,
             "): the loss or a weight is not finite; the weights are ",
             good_epoch_ ? join("those of epoch ", good_epoch_)
                         : "those before training",
             "; try a lower learning rate or clip_norm=1");
    good_.restore(model_);
    executor_->push();
  }

  // Whatever happened, the model holds the weights that count.
  void close() {
    if (outcome_.status != Status::Diverged) {
      if (!averaged_) executor_->swap_averages();
      executor_->pull();
      if (!all_finite(model_.trained())) good_.restore(model_);
    }
    if (restores() && outcome_.best_epoch > 0) best_.restore(model_);
    engine::release_pages();
  }

  models::Model& model_;
  const data::DatasetView& training_;
  const data::DatasetView& validation_;
  const Config& config_;
  const Hooks& hooks_;
  std::unique_ptr<engine::Executor> executor_;
  Batches batches_;
  int64_t steps_;  // an epoch
  std::unique_ptr<schedules::Schedule> schedule_;

  Snapshot good_, best_;
  Outcome outcome_;
  int64_t good_epoch_ = 0;
  int64_t waited_ = 0;
  int64_t taken_ = 0;  // steps since the start
  double best_value_ = std::numeric_limits<double>::infinity();
  double lr_ = 0;
  bool held_ = false;          // the executor keeps the training set
  std::vector<double> rates_;  // of the epoch's steps then
  engine::Totals recorded_;    // of the epoch at the last recorded step
  bool running_ = true;
  bool averaged_ = false;  // the executor holds the moving average
  Clock::time_point last_pulse_ = Clock::now();
};

}  // namespace

std::string beyond_native(const Config& config, int64_t ranks) {
  if (ranks > 1) return join(ranks, " ranks share every step");
  if (config.precision != "float32")
    return "the native executor computes in float32";
  return config.adversary.name.empty() ? ""
                                       : "attacks need slopes by the image";
}

engine::TrainSettings settings_of(const models::Model& model,
                                  const Config& config,
                                  const engine::Ranks& ranks) {
  engine::TrainSettings settings;
  settings.optimizer = config.optimizer;
  settings.lr_scales = config.lr_scales;
  if (settings.lr_scales.empty())
    settings.lr_scales.assign(model.slots().size(), 1);
  settings.l1 = config.l1;
  settings.l2 = config.l2;
  settings.label_smoothing = config.label_smoothing;
  settings.clip_norm = config.clip_norm;
  settings.ema_decay = config.ema_decay;
  settings.seed = config.seed;
  settings.rounded = config.precision == "bfloat16";
  settings.ranks = ranks;
  return settings;
}

void check(const models::Model& model, Config& config, bool has_validation,
           bool has_target) {
  config.validate(model.outputs_images() ? 0 : model.outputs(), has_validation);
  const bool head = models::contains(model.network(), "domain_head");
  require(head || !has_target,
          "fit.target: expected a network with a domain head, got none");
  require(!head || has_target,
          "fit.target: expected images of another domain for the network's "
          "domain head, got none");
  require(model.loss() != models::Loss::Margin || config.label_smoothing == 0,
          "fit.label_smoothing: expected 0 for a network that ends in "
          "capsule_logits, got ",
          config.label_smoothing);
}

Outcome fit(models::Model& model, const data::DatasetView& training,
            const data::DatasetView& validation, Config config,
            const Hooks& hooks) {
  check(model, config, validation.count > 0, training.domains != nullptr);
  require(training.count > 0,
          "fit.data: expected at least one sample, got none");
  const auto out_of_memory = [&](const char* reason, int64_t fitting) {
    const int64_t half = std::max<int64_t>(1, config.batch_size / 2);
    return engine::OutOfMemory(join(
        "fit: ran out of memory with batch_size=", config.batch_size,
        "; try batch_size=", fitting > 0 ? fitting : half, " (", reason, ")"));
  };
  try {
    return Loop(model, training, validation, config, hooks).run();
  } catch (const engine::OutOfMemory& error) {
    throw out_of_memory(error.what(), error.fitting);
  } catch (const std::bad_alloc& error) {
    throw out_of_memory(error.what(), 0);
  }
}

}  // namespace digitnet::train
