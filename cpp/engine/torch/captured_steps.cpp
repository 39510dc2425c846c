#include "engine/torch/captured_steps.h"

#include <set>
#include <stdexcept>

#include "core/error.h"
#include "engine/torch/guarded.h"

namespace digitnet::engine {
namespace {

// Steps of a launch, a trade-off: more make launching cheaper for small
// networks, whose steps are short; fewer keep the graphs of large networks,
// which have hundreds of nodes a step, quick to record.
constexpr int64_t kSteps = 16;

}  // namespace

std::string CapturedSteps::load(const ResidentSet& set) {
  recorded_.clear();
  not_recorded_.clear();
  try {
    guarded([&] { set_.emplace(set, model_, device_); });
  } catch (const OutOfMemory&) {
    return "the training set and an epoch's draws do not fit the memory of " +
           device_.str();
  }
  return "";
}

void CapturedSteps::start_epoch(const ResidentEpoch& epoch) {
  guarded([&] {
    trainer_.start_epoch(*epoch.rates);
    set_->start_epoch(epoch);
    step_ = 0;
    const bool tried = !recorded_.empty() || !not_recorded_.empty();
    if (trainer_.settings().recorder.record && !tried) record();
  });
}

// Every launch of an epoch, before its first step. Warming up takes steps,
// which leave no trace, however the recording ends.
void CapturedSteps::record() {
  try {
    guarded([&] { trainer_.save_state(); });
  } catch (const OutOfMemory& error) {
    not_recorded_ = join("no room for a copy of the weights: ", error.what());
    return;
  }
  try {
    record_launches();
  } catch (const std::runtime_error& error) {
    recorded_.clear();
    not_recorded_ = error.what();
    trainer_.renew_generator();
  } catch (...) {
    recorded_.clear();
    trainer_.restore_state();
    throw;
  }
  trainer_.restore_state();
}

void CapturedSteps::record_launches() {
  std::set<Launch> launches = {next(1)};
  while (step_ < set_->steps()) {
    const Launch launch = next(set_->steps());
    launches.insert(launch);
    step_ += launch.first;
  }
  step_ = 0;
  for (const Launch& launch : launches) {
    recorded_[launch] = trainer_.settings().recorder.record(
        [&] {
          trainer_.rewind();
          run(launch);
        },
        [this, launch] { run(launch); });
  }
}

// Full batches alone, or the short one at the end: a captured step has fixed
// shapes.
CapturedSteps::Launch CapturedSteps::next(int64_t max_steps) const {
  const int64_t samples = set_->count_of(step_);
  const bool many = max_steps >= kSteps && step_ + kSteps <= set_->steps() &&
                    set_->count_of(step_ + kSteps - 1) == samples;
  return {many ? kSteps : 1, samples};
}

void CapturedSteps::run(const Launch& launch) {
  for (int64_t i = 0; i < launch.first; ++i) {
    trainer_.take_rate();
    trainer_.step(set_->batch(trainer_.position(), launch.second));
  }
}

int64_t CapturedSteps::train(int64_t max_steps) {
  return guarded([&] {
    const Launch launch = next(recorded_.empty() ? 1 : max_steps);
    if (recorded_.empty()) {
      run(launch);
    } else {
      recorded_.at(launch)();
    }
    for (int64_t i = 0; i < launch.first; ++i) trainer_.count(launch.second);
    step_ += launch.first;
    return launch.first;
  });
}

std::string CapturedSteps::launches() const {
  if (!not_recorded_.empty()) return "steps not captured: " + not_recorded_;
  if (recorded_.empty()) return "steps launched one by one";
  return join("captured steps, up to ", recorded_.rbegin()->first.first,
              " a launch");
}

}  // namespace digitnet::engine
