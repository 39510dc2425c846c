#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
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
#include "train/monitor.h"
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
       const Hooks& hooks, const State* from)
      : model_(model),
        validation_(validation),
        config_(config),
        hooks_(hooks),
        from_(from),
        monitor_(config),
        executor_(engine::make_executor(
            model, config.device, requirements_of(config, hooks.ranks.count))),
        batches_(model, training, config, hooks.ranks),
        steps_(batches_.steps()),
        schedule_(find(schedules::all(), "schedule", config.schedule.name)
                      .make(config.schedule.options, {steps_, config.epochs})) {
  }

  Outcome run() {
    if (from_) restore();
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
    if (!from_) last_good_.take(model_);
    try {
      int64_t epoch = from_ ? from_->epoch : 1;
      while (epoch <= config_.epochs && running_) run_epoch(epoch++);
    } catch (...) {
      try {
        close();
      } catch (const std::exception&) {
        // The device is gone, its weights may have been copied in part; the
        // first error explains more.
        last_good_.restore(model_);
        if (best_.taken()) best_.restore(model_);
      }
      throw;
    }
    close();
    outcome_.best_epoch = monitor_.best_epoch();
    return outcome_;
  }

 private:
  void run_epoch(int64_t epoch) {
    const std::chrono::duration<double> spent(from_ ? from_->seconds : 0);
    const auto start =
        Clock::now() - std::chrono::duration_cast<Clock::duration>(spent);
    batches_.start_epoch(epoch);
    step_count_ = (epoch - 1) * steps_;
    if (resident_) {
      rates_.clear();
      for (int64_t step = 0; step < steps_; ++step)
        rates_.push_back(next_rate(epoch));
      batches_.start_resident_epoch(*executor_, *resident_, rates_);
    } else {
      executor_->start_epoch(epoch, steps_);
    }
    for (int64_t step = continued(epoch); step < steps_;) {
      step += resident_ ? launch_steps(step) : train_batch(epoch, step);
      if (config_.record_steps) record();
      if (Clock::now() - last_pulse_ < kPulse) continue;
      last_pulse_ = Clock::now();
      const engine::Totals totals = executor_->totals();
      // Ranks compare at the end of the epoch: none may leave the others alone.
      if (totals.bad_step >= 0 && !hooks_.ranks.several())
        return diverge(epoch, totals.bad_step);
      const bool due = seconds_since(last_save_) >= hooks_.save_seconds;
      const bool stop =
          hooks_.pulse && hooks_.pulse(epoch, step, steps_, totals.loss);
      const bool saves = (stop || due) && !hooks_.ranks.several();
      if ((saves && save(epoch, step, start)) || stop)
        return end(Status::Interrupted);
    }
    finish_epoch(epoch, start);
  }

  // Weights, and what follows from the epochs before.
  void restore() {
    check(*from_, model_, config_, steps_);
    from_->weights.restore(model_);
    executor_->push();
    last_good_ = from_->last_good;
    last_good_epoch_ = from_->epoch - 1;
    best_ = from_->best;
    for (const double value : from_->monitored) {
      schedule_->epoch_done(value);
      monitor_.note(value);
    }
    outcome_.step_losses = from_->step_losses;
    outcome_.step_rates = from_->step_rates;
  }

  // The first step to take of an epoch that has started.
  int64_t continued(int64_t epoch) {
    recorded_ = {};
    if (!from_) return 0;
    const int64_t step = from_->step;
    executor_->restore_training(from_->training);
    for (int64_t i = 0; i < step; ++i)
      lr_ = resident_ ? rates_[i] : next_rate(epoch);
    if (resident_) resident_->skip(step);
    recorded_ = executor_->totals();
    from_ = nullptr;
    return step;
  }

  // The weights are not averaged. True: a hook asks to stop.
  bool save(int64_t epoch, int64_t step, Clock::time_point start) {
    if (!hooks_.save) return false;
    State state;
    state.epoch = epoch;
    state.step = step;
    state.seconds = step > 0 ? seconds_since(start) : 0;
    state.monitored = monitor_.values();
    executor_->pull();
    state.weights.take(model_);
    if (!all_finite(state.weights.trained)) return false;  // it will diverge
    state.last_good = last_good_;
    state.best = best_;
    state.training = executor_->training_state();
    if (step == 0) state.training.epoch = {};
    state.step_losses = outcome_.step_losses;
    state.step_rates = outcome_.step_rates;
    const bool stop = hooks_.save(state);
    last_save_ = Clock::now();
    return stop;
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
    const engine::Totals totals =
        engine::of_all_ranks(executor_->totals(), hooks_.ranks);
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
    if (validation_.count > 0 && !validate(row)) {
      continue_unaveraged();
      if (!hooks_.ranks.several()) save(epoch, steps_, start);
      return end(Status::Interrupted);
    }
    last_good_.take(model_);
    last_good_epoch_ = epoch;
    row.seconds = seconds_since(start);
    const double value = monitor_.value_of(row);
    schedule_->epoch_done(value);
    if (monitor_.note(value) && monitor_.restores()) best_.take(model_);
    const uint64_t revision = model_.revision();
    auto request = hooks_.epoch_done ? hooks_.epoch_done(row) : Request::GoOn;
    if (model_.revision() != revision) take_over();
    const bool alone = !hooks_.ranks.several();
    const bool interrupted = alone && request == Request::Interrupt;
    const bool stop = on_any_rank((request != Request::GoOn && !interrupted) ||
                                  monitor_.out_of_patience());
    if (epoch == config_.epochs) return;
    if (stop) return end(Status::StoppedEarly);
    continue_unaveraged();
    if ((save(epoch + 1, 0, start) && alone) || interrupted)
      end(Status::Interrupted);
  }

  // What a hook wrote into the model becomes the weights and their average.
  void take_over() {
    last_good_.take(model_);
    executor_->push();
    executor_->swap_averages();
    last_good_.restore(model_);
    executor_->push();
    executor_->swap_averages();
  }

  void continue_unaveraged() {
    executor_->swap_averages();
    averaged_ = false;
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

  void end(Status status) {
    running_ = false;
    outcome_.status = status;
  }

  void diverge(int64_t epoch, int64_t step) {
    end(Status::Diverged);
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
    if (best_.taken()) best_.restore(model_);
    engine::release_pages();
  }

  models::Model& model_;
  const data::DatasetView& validation_;
  const Config& config_;
  const Hooks& hooks_;
  const State* from_;  // until it goes on from there
  Monitor monitor_;
  std::unique_ptr<engine::Executor> executor_;
  Batches batches_;
  int64_t steps_;  // an epoch
  std::unique_ptr<schedules::Schedule> schedule_;

  Snapshot last_good_, best_;  // of whole epochs
  Outcome outcome_;
  int64_t last_good_epoch_ = 0;
  int64_t step_count_ = 0;  // since the start
  double lr_ = 0;
  // The executor's own; null: the host prepares every batch.
  engine::ResidentTraining* resident_ = nullptr;
  bool validates_there_ = false;    // on a copy in the device's memory
  std::string why_validated_here_;  // although the training set is there
  std::vector<double> rates_;       // of a resident epoch's steps
  engine::Totals recorded_;         // of the epoch at the last recorded step
  bool running_ = true;
  bool averaged_ = false;  // the executor's weights are the moving average
  Clock::time_point last_pulse_ = Clock::now(), last_save_ = last_pulse_;
};

}  // namespace

Outcome fit(models::Model& model, const data::DatasetView& training,
            const data::DatasetView& validation, Config config,
            const Hooks& hooks, const State* from) {
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
    return Loop(model, training, validation, config, hooks, from).run();
  } catch (const engine::OutOfMemory& error) {
    throw out_of_memory(error.what(), error.fitting);
  } catch (const std::bad_alloc& error) {
    throw out_of_memory(error.what(), 0);
  }
}

}  // namespace digitnet::train
