#include "engine/torch/captured_steps.h"

#include <set>
#include <stdexcept>

#include "core/error.h"

namespace digitnet::engine {
namespace {

constexpr int64_t kSteps = 16;  // of a launch

}  // namespace

HeldSteps::HeldSteps(HeldSet set, TorchTrainer& trainer)
    : set_(std::move(set)), trainer_(trainer) {}

void HeldSteps::start_epoch(const HeldEpoch& epoch) {
  trainer_.start_epoch(*epoch.rates);
  set_.start_epoch(epoch);
  step_ = 0;
  const bool tried = !recorded_.empty() || !not_recorded_.empty();
  if (trainer_.settings().recorder.record && !tried) record();
}

// Everything that an epoch asks for, before its first step: what is done to
// record leaves no trace.
void HeldSteps::record() {
  std::set<Launch> launches = {next(1)};
  while (step_ < set_.steps()) {
    const Launch launch = next(set_.steps());
    launches.insert(launch);
    step_ += launch.first;
  }
  step_ = 0;
  trainer_.keep();
  try {
    for (const Launch& launch : launches) {
      recorded_[launch] = trainer_.settings().recorder.record(
          [&] {
            trainer_.rewind();
            ask(launch);
          },
          [this, launch] { ask(launch); });
    }
  } catch (const std::runtime_error& error) {
    recorded_.clear();
    not_recorded_ = error.what();
  }
  trainer_.restore();
}

// A whole number of full batches, or the short one at the end.
HeldSteps::Launch HeldSteps::next(int64_t most) const {
  const int64_t samples = set_.count_of(step_);
  const bool many = most >= kSteps && step_ + kSteps <= set_.steps() &&
                    set_.count_of(step_ + kSteps - 1) == samples;
  return {many ? kSteps : 1, samples};
}

void HeldSteps::ask(const Launch& launch) {
  for (int64_t i = 0; i < launch.first; ++i) {
    trainer_.take_rate();
    trainer_.step(set_.batch(trainer_.place(), launch.second));
  }
}

int64_t HeldSteps::train(int64_t most) {
  const Launch launch = next(recorded_.empty() ? 1 : most);
  if (recorded_.empty()) {
    ask(launch);
  } else {
    recorded_.at(launch)();
  }
  for (int64_t i = 0; i < launch.first; ++i) trainer_.count(launch.second);
  step_ += launch.first;
  return launch.first;
}

std::string HeldSteps::launches() const {
  if (!not_recorded_.empty()) return "steps not captured: " + not_recorded_;
  if (recorded_.empty()) return "steps asked for one by one";
  return join("captured steps, up to ", recorded_.rbegin()->first.first,
              " a launch");
}

}  // namespace digitnet::engine
