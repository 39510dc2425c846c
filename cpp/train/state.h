// A training between two steps, as it is kept on a disk: what goes on from it
// has the weights and the history of one that was never interrupted.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/executor.h"
#include "models/model.h"
#include "train/config.h"
#include "train/snapshot.h"

namespace digitnet::train {

struct State {
  int64_t epoch = 1;  // in progress, from 1
  // Steps of it that were taken; all of them: only its end is missing.
  int64_t step = 0;
  double seconds = 0;  // of it
  // What Config::monitor gave in the epochs before; less is better. Schedule
  // and early stopping follow from it.
  std::vector<double> monitored;
  Snapshot weights;    // not their moving average
  Snapshot last_good;  // of the last whole epoch
  Snapshot best;       // where early stopping restores it, else empty
  engine::TrainingState training;
  std::vector<double> step_losses, step_rates;  // as in Outcome
};

// visit(name, field) for every one: reading and writing loop over them.
template <class AnyState, class Visit>
void each_field(AnyState& state, const Visit& visit) {
  visit("epoch", state.epoch);
  visit("step", state.step);
  visit("seconds", state.seconds);
  visit("monitored", state.monitored);
  visit("weights", state.weights.trained);
  visit("buffers", state.weights.buffers);
  visit("last_good.weights", state.last_good.trained);
  visit("last_good.buffers", state.last_good.buffers);
  visit("best.weights", state.best.trained);
  visit("best.buffers", state.best.buffers);
  visit("optimizer.0", state.training.moments[0]);
  visit("optimizer.1", state.training.moments[1]);
  visit("averages", state.training.averages);
  visit("steps", state.training.steps);
  visit("epoch.steps", state.training.epoch.steps);
  visit("epoch.loss", state.training.epoch.sums.loss);
  visit("epoch.correct", state.training.epoch.sums.correct);
  visit("epoch.samples", state.training.epoch.sums.samples);
  visit("epoch.bad_step", state.training.epoch.sums.bad_step);
  visit("epoch.step_losses", state.training.epoch.step_losses);
  visit("epoch.step_samples", state.training.epoch.step_samples);
  visit("epoch.generator", state.training.epoch.generator);
  visit("step_losses", state.step_losses);
  visit("step_rates", state.step_rates);
}

// Throws DataError for a state that is not of such a training, with so many
// steps an epoch: a field of another length, out of range, or not finite.
void check(const State& state, const models::Model& model, const Config& config,
           int64_t steps_per_epoch);

}  // namespace digitnet::train
