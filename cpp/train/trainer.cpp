#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <new>

#include "core/error.h"
#include "core/list.h"
#include "engine/device.h"
#include "engine/executor.h"
#include "engine/inference.h"
#include "engine/memory.h"
#include "engine/select.h"
#include "optimizers/all.h"
#include "train/batches.h"
#include "train/schedules.h"
#include "train/settings.h"
#include "train/snapshot.h"

namespace digitnet::train {
namespace {

using Clock = std::chrono::steady_clock;
// Between two looks for Ctrl-C and updates of the progress bar: a person feels
// no delay yet, and reading the totals back, which waits for a GPU, is rare.
// Source: pybind11's FAQ on interrupting long calls, for the check itself.
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
        validation_(validation),
        config_(config),
        hooks_(hooks),
        executor_(engine::make_executor(
            model, config.device, requirements_of(config, hooks.ranks.count))),
        batches_(model, training, config, hooks.ranks),
        steps_(batches_.steps()),
        schedule_(find(schedules::all(), "schedule", config.schedule.name)
                      .make(config.schedule.options, {steps_, config.epochs})) {
  }

  Outcome run() {
    engine::keep_pages_mapped();
    engine::TrainSettings settings = settings_of(model_, config_, hooks_.ranks);
    settings.recorder = hooks_.recorder;
    settings.steps = steps_ * config_.epochs;
    executor_->start_training(settings);
    const engine::ResidentSupport support = batches_.make_resident(*executor_);
    resident_ = support.training;
    if (!resident_ && engine::resolve_device(config_.device) != "cpu")
      outcome_.loop = "batches from the host: " + support.reason;
    if (resident_ && validation_.count > 0 && !model_.outputs_images()) {
      why_validated_here_ = resident_->load_validation(validation_);
      validates_there_ = why_validated_here_.empty();
    }
    last_good_.take(model_);
    try {
      for (int64_t epoch = 1; epoch <= config_.epochs && running_; ++epoch)
        run_epoch(epoch);
    } catch (...) {
      try {
        close();
      } catch (const std::runtime_error&) {
        // The device is gone: the first error explains more, and the model has
        // the weights of its last whole epoch.
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
    if (resident_) {
      rates_.clear();
      for (int64_t step = 0; step < steps_; ++step)
        rates_.push_back(next_rate(epoch));
      batches_.start_resident_epoch(*executor_, *resident_, rates_);
    } else {
      executor_->start_epoch(steps_);
    }
    recorded_ = {};
    for (int64_t step = 0; step < steps_;) {
      step += resident_ ? launch_steps(step) : train_batch(epoch, step);
      if (config_.record_steps) record();
      if (Clock::now() - last_pulse_ < kPulse) continue;
      last_pulse_ = Clock::now();
      const engine::Totals totals = executor_->totals();
      // Ranks compare at the end of the epoch: none may leave the others alone.
      if (totals.bad_step >= 0 && !hooks_.ranks.several())
        return diverge(epoch, totals.bad_step);
      if (hooks_.pulse && hooks_.pulse(epoch, step, steps_, totals.loss))
        return interrupt();
    }
    finish_epoch(epoch, start);
  }

  // Both return how many steps they took.
  int64_t train_batch(int64_t epoch, int64_t step) {
    lr_ = next_rate(epoch);
    engine::Batch batch = batches_.gather(*executor_, step);
    batch.reversal_coefficient = reversal_coefficient();
    executor_->train(batch, lr_);
    return 1;
  }

  int64_t launch_steps(int64_t step) {
    const int64_t count =
        resident_->train(config_.record_steps ? 1 : steps_ - step);
    lr_ = rates_[step + count - 1];
    return count;
  }

  // The learning rate of the step that follows those counted so far.
  double next_rate(int64_t epoch) {
    const double factor = schedule_->factor(step_count_++);
    return config_.rates.empty() ? config_.learning_rate * factor
                                 : config_.rates[epoch - 1];
  }

  // Rises from 0 to 1, so that the head's early noise does no harm. Source:
  // Ganin et al., JMLR 17, 2016, section 5.2.2.
  double reversal_coefficient() const {
    const double progress = static_cast<double>(step_count_) /
                            static_cast<double>(steps_ * config_.epochs);
    return 2 / (1 + std::exp(-10 * progress)) - 1;
  }

  // The executor sums losses over the epoch: a step's is the difference.
  void record() {
    const engine::Totals totals = executor_->totals();
    const auto sum = [](const engine::Totals& epoch) {
      return epoch.loss * static_cast<double>(epoch.samples);
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
    last_good_.take(model_);
    last_good_epoch_ = epoch;
    row.seconds = seconds_since(start);
    schedule_->epoch_done(monitored(row));
    const bool out_of_patience = update_best(row);
    const bool stop_requested = hooks_.epoch_done && hooks_.epoch_done(row);
    const bool stop = on_any_rank(stop_requested || out_of_patience);
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
    const auto sums = engine::all_reduced(
        {totals.loss * samples, static_cast<double>(totals.correct), samples,
         totals.bad_step >= 0 ? 1.0 : 0.0},
        hooks_.ranks);
    totals.loss = sums[0] / std::max(1.0, sums[2]);
    totals.correct = static_cast<int64_t>(sums[1]);
    totals.samples = static_cast<int64_t>(sums[2]);
    if (sums[3] > 0) totals.bad_step = std::max<int64_t>(0, totals.bad_step);
    return totals;
  }

  bool on_any_rank(bool value) const {
    if (!hooks_.ranks.several()) return value;
    return engine::all_reduced(std::vector<double>{value ? 1.0 : 0.0},
                               hooks_.ranks)[0] > 0;
  }

  // Writes loss and accuracy on the validation set to the row. False:
  // interrupted.
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
          batches_.reconstruction_error(*executor_, validation_, keep_going);
      return !stop;
    }
    std::vector<float> logits;
    if (validates_there_) {
      resident_->validate(keep_going, logits);
    } else {
      logits = engine::logits_of(*executor_, model_, validation_,
                                 engine::kPredictBatch, keep_going);
    }
    if (stop) return false;
    const auto score = engine::score(model_.loss(), logits, validation_.labels,
                                     validation_.count, model_.outputs());
    row.val_loss = score.loss;
    row.val_accuracy = score.accuracy;
    return true;
  }

  // The value of Config::monitor; less is better.
  double monitored(const Epoch& row) const {
    if (config_.monitor == "loss") return row.loss;
    if (config_.monitor == "val_loss") return row.val_loss;
    return config_.monitor == "accuracy" ? -row.accuracy : -row.val_accuracy;
  }

  // Keeps the best epoch; true: early stopping has waited long enough.
  bool update_best(const Epoch& row) {
    const double value = monitored(row);
    if (value < best_value_ - config_.min_delta) {
      best_value_ = value;
      outcome_.best_epoch = row.number;
      epochs_without_progress_ = 0;
      if (restores()) best_.take(model_);
      return false;
    }
    return config_.early_stopping > 0 &&
           ++epochs_without_progress_ >= config_.early_stopping;
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
             last_good_epoch_ ? join("those of epoch ", last_good_epoch_)
                              : "those before training",
             "; try a lower learning rate or clip_norm=1");
    last_good_.restore(model_);
    executor_->push();
  }

  // However the run ended, the model gets weights that can be used.
  void close() {
    if (resident_)
      outcome_.loop =
          "the data in the device's memory, " + resident_->launches() +
          (why_validated_here_.empty()
               ? ""
               : "; validation from the host: " + why_validated_here_);
    if (outcome_.status != Status::Diverged) {
      if (!averaged_) executor_->swap_averages();
      executor_->pull();
      if (!all_finite(model_.trained())) last_good_.restore(model_);
    }
    if (restores() && outcome_.best_epoch > 0) best_.restore(model_);
    engine::release_pages();
  }

  models::Model& model_;
  const data::DatasetView& validation_;
  const Config& config_;
  const Hooks& hooks_;
  std::unique_ptr<engine::Executor> executor_;
  Batches batches_;
  int64_t steps_;  // an epoch
  std::unique_ptr<schedules::Schedule> schedule_;

  Snapshot last_good_, best_;  // of whole epochs
  Outcome outcome_;
  int64_t last_good_epoch_ = 0;
  int64_t epochs_without_progress_ = 0;
  int64_t step_count_ = 0;  // since the start
  double best_value_ = std::numeric_limits<double>::infinity();
  double lr_ = 0;
  // The executor's own; null: the host prepares every batch.
  engine::ResidentTraining* resident_ = nullptr;
  bool validates_there_ = false;    // on a copy in the device's memory
  std::string why_validated_here_;  // although the training set is there
  std::vector<double> rates_;       // of a resident epoch's steps
  engine::Totals recorded_;         // of the epoch at the last recorded step
  bool running_ = true;
  bool averaged_ = false;  // the executor's weights are the moving average
  Clock::time_point last_pulse_ = Clock::now();
};

}  // namespace

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
