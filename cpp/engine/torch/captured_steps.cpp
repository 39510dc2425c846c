#include "engine/torch/captured_steps.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <stdexcept>

#include "core/error.h"
#include "engine/torch/guarded.h"

namespace digitnet::engine {
namespace {

// By which the time of one is measured: a few milliseconds, between two waits
// for the device.
constexpr int64_t kTimedSteps = 4;
// Steps that are launched operation by operation between two waits: a device's
// own queue would take hundreds of operations more.
constexpr int64_t kSinglesAhead = 2;
// What a GPU computes in a second, a guess for what may not go by the clock.
constexpr double kOperations = 3e13;

}  // namespace

int64_t steps_of_launch(double step_seconds, double launch_seconds,
                        int64_t max_steps) {
  int64_t steps = 1;
  while (2 * steps <= max_steps &&
         static_cast<double>(2 * steps) * step_seconds <= launch_seconds)
    steps *= 2;
  return steps;
}

std::string CapturedSteps::load(const ResidentSet& set) {
  try {
    guarded([&] { set_.emplace(set, model_, device_); });
  } catch (const OutOfMemory&) {
    return "the training set and an epoch's draws do not fit the memory of " +
           device_.str();
  }
  if (trainer_.settings().deterministic) {
    // What is repeated bit for bit may not depend on the clock.
    launch_steps_ = steps_of_launch(estimated_step_seconds(),
                                    recorder().launch_seconds, max_steps());
  } else if (max_steps() == 1 || std::isinf(recorder().launch_seconds)) {
    launch_steps_ = max_steps();
  }
  return "";
}

double CapturedSteps::estimated_step_seconds() const {
  int64_t multiply_adds = 0;
  for (const auto& row :
       models::summarise(model_.network(), model_.preprocess().output()))
    multiply_adds += row.multiply_adds;
  // Forward, and twice that backward, of two operations each.
  return 6 * static_cast<double>(multiply_adds * set_->count_of(0)) /
         kOperations;
}

std::string CapturedSteps::load_validation(const data::DatasetView& set) {
  try {
    guarded([&] { validation_.emplace(set, model_, network_, device_); });
  } catch (const OutOfMemory&) {
    return "the validation set does not fit the memory of " + device_.str();
  }
  return "";
}

void CapturedSteps::start_epoch(const ResidentEpoch& epoch) {
  guarded([&] {
    trainer_.start_epoch(epoch.epoch, *epoch.rates);
    set_->start_epoch(epoch);
    step_ = 0;
    timed_ = 0;
  });
}

void CapturedSteps::skip(int64_t steps) { step_ = steps; }

// Full batches alone, or the short one at the end: a captured step has fixed
// shapes.
CapturedSteps::Launch CapturedSteps::next(int64_t max_steps) const {
  const int64_t samples = set_->count_of(step_);
  const bool several = recorder().record && not_recorded_.empty() &&
                       launch_steps_ > 1 && launch_steps_ <= max_steps &&
                       step_ + launch_steps_ <= set_->steps() &&
                       set_->count_of(step_ + launch_steps_ - 1) == samples;
  return {several ? launch_steps_ : 1, samples};
}

// As memory, the training's length and that of an epoch allow.
int64_t CapturedSteps::max_steps() const {
  const int64_t whole_batches =
      set_->steps() - (set_->count_of(set_->steps() - 1) < set_->count_of(0));
  return std::max<int64_t>(
      1, std::min({recorder().max_steps, set_->max_steps(), whole_batches,
                   trainer_.settings().steps / recorder().min_repeats}));
}

// Whether it is to be captured: it comes again, and training is long.
bool CapturedSteps::pays(const Launch& launch) const {
  const int64_t all = trainer_.settings().steps;
  if (!recorder().record || !not_recorded_.empty() ||
      all < recorder().pays_from)
    return false;
  const int64_t behind = step_ + 2 * launch.first;  // the next one
  const bool again =
      behind <= set_->steps() && set_->count_of(behind - 1) == launch.second;
  return again || all - taken_ > set_->steps() - step_;
}

void CapturedSteps::run(const Launch& launch) {
  const auto [steps, samples] = launch;
  trainer_.take_steps(set_->batch(trainer_.position(), steps, samples), steps);
}

void CapturedSteps::wait() const { trainer_.position().item<int64_t>(); }

// The first of its kind.
void CapturedSteps::record(const Launch& launch) {
  at::Tensor masks;            // where their generator is behind the launch
  std::exception_ptr failure;  // of the launch, as it was
  const auto first = [&] {
    try {
      run(launch);
      masks = trainer_.generator_state();
    } catch (...) {
      failure = std::current_exception();
      throw;
    }
  };
  try {
    recorded_[launch] =
        recorder().record(first, [this, launch] { run(launch); });
  } catch (const std::runtime_error& error) {
    if (failure) std::rethrow_exception(failure);
    recorded_.clear();
    not_recorded_ = error.what();
    if (!masks.defined()) return run(launch);  // it was not taken yet
    trainer_.renew_generator(masks);
  }
}

void CapturedSteps::repeat(const Launch& launch, const Work& work) {
  if (launch_steps_ > 0 || launch.second != set_->count_of(0)) return work();
  measure();
  work();
}

// Chooses how many steps a launch has.
void CapturedSteps::measure() {
  if (timed_ > 0 && timed_ < kTimedSteps) {
    ++timed_;
    return;
  }
  wait();
  const auto now = Clock::now();
  if (timed_ == kTimedSteps) {
    const double seconds =
        std::chrono::duration<double>(now - timed_since_).count();
    launch_steps_ = steps_of_launch(seconds / static_cast<double>(kTimedSteps),
                                    recorder().launch_seconds, max_steps());
  }
  timed_ = 1;
  timed_since_ = now;
}

int64_t CapturedSteps::train(int64_t max_steps) {
  return guarded(trainer_.arithmetic(), [&] {
    const Launch launch = next(max_steps);
    const auto known = recorded_.find(launch);
    if (known != recorded_.end()) {
      repeat(launch, known->second);
    } else if (pays(launch)) {
      record(launch);
    } else {
      run(launch);
      if (++singly_ % kSinglesAhead == 0 && !device_.is_meta()) wait();
    }
    for (int64_t i = 0; i < launch.first; ++i) trainer_.count(launch.second);
    step_ += launch.first;
    taken_ += launch.first;
    return launch.first;
  });
}

// As deterministic as the training, which may go by it, and exact.
bool CapturedSteps::validate(const std::function<bool()>& keep_going,
                             std::vector<float>& logits) {
  Arithmetic arithmetic = trainer_.arithmetic();
  arithmetic.tf32 = false;
  while (true) {
    try {
      return guarded(arithmetic,
                     [&] { return validation_->predict(keep_going, logits); });
    } catch (const OutOfMemory&) {
      if (!validation_->take_less()) throw;
    }
  }
}

std::string CapturedSteps::launches() const {
  if (!not_recorded_.empty()) return "steps not captured: " + not_recorded_;
  if (!recorded_.empty())
    return join("captured steps, up to ", recorded_.rbegin()->first.first,
                " a launch");
  const std::string singly = "steps launched one by one";
  const int64_t all = trainer_.settings().steps;
  return recorder().record && all < recorder().pays_from
             ? join(singly, ": ", all, " are too few to capture them")
             : singly;
}

}  // namespace digitnet::engine
