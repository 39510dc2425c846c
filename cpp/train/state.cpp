#include "train/state.h"

#include <vector>

#include "core/error.h"
#include "core/list.h"
#include "optimizers/all.h"

namespace digitnet::train {
namespace {

template <class T>
void check_length(const char* name, const std::vector<T>& values,
                  size_t expected) {
  require_data(values.size() == expected, "state.", name, ": expected ",
               expected, " values, got ", values.size());
}

void check_between(const char* name, int64_t value, int64_t least,
                   int64_t most) {
  require_data(value >= least && value <= most, "state.", name, ": expected ",
               least, " to ", most, ", got ", value);
}

}  // namespace

void check(const State& state, const models::Model& model, const Config& config,
           int64_t steps_per_epoch) {
  const engine::EpochState& epoch = state.training.epoch;
  check_between("epoch", state.epoch, 1, config.epochs);
  check_between("step", state.step, 0, steps_per_epoch);
  check_between("epoch.steps", epoch.steps, state.step, state.step);
  check_between("steps", state.training.steps,
                (state.epoch - 1) * steps_per_epoch + state.step,
                (state.epoch - 1) * steps_per_epoch + state.step);
  check_between("epoch.correct", epoch.sums.correct, 0, epoch.sums.samples);
  check_between("epoch.bad_step", epoch.sums.bad_step, -1, -1);
  check_length("monitored", state.monitored, state.epoch - 1);

  const size_t trained = model.trained().size();
  const size_t buffers = model.buffers().size();
  const auto& optimizer =
      find(optimizers::all(), "optimizer", config.optimizer.name);
  const bool kept = !state.best.trained.empty();
  check_length("weights", state.weights.trained, trained);
  check_length("buffers", state.weights.buffers, buffers);
  check_length("last_good.weights", state.last_good.trained, trained);
  check_length("last_good.buffers", state.last_good.buffers, buffers);
  check_length("best.weights", state.best.trained, kept ? trained : 0);
  check_length("best.buffers", state.best.buffers, kept ? buffers : 0);
  check_length("optimizer.0", state.training.moments[0],
               optimizer.states > 0 ? trained : 0);
  check_length("optimizer.1", state.training.moments[1],
               optimizer.states > 1 ? trained : 0);
  check_length("averages", state.training.averages,
               config.ema_decay > 0 ? trained : 0);
  check_length("epoch.step_samples", epoch.step_samples,
               epoch.step_losses.size());
  const size_t recorded = config.record_steps ? state.training.steps : 0;
  check_length("step_losses", state.step_losses, recorded);
  check_length("step_rates", state.step_rates, recorded);
  for (const Snapshot* kind : {&state.weights, &state.last_good, &state.best})
    require_data(all_finite(kind->trained) && all_finite(kind->buffers),
                 "state: expected finite weights, got NaN or infinity");
}

}  // namespace digitnet::train
