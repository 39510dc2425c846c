// The training loop.
//
// From Ctrl-C to the returned History: Python's handler only sets a flag. Every
// 50 ms, between two steps or two batches of validation, and behind an epoch,
// the loop calls a hook; PythonHooks (bindings/train.cpp) takes the GIL there,
// lets Python raise KeyboardInterrupt, remembers it and says so. The loop then
// starts no further step, keeps its state, its status is Interrupted, and
// close() leaves the model with weights that can be used: the moving average if
// there is one, pulled from the device; those of the last whole epoch if these
// are not finite; and the best epoch's where early stopping restores them.
// fit() here returns the Outcome, the binding turns it into a dict, and fit()
// in Python writes it into model.history, closes the progress bar and the
// callbacks, and then returns the History to a notebook or prompt, or raises
// KeyboardInterrupt in a script. An interrupt that is raised elsewhere, such as
// while steps are recorded as CUDA graphs, passes through the loop as an
// exception: close() runs all the same. So does any error of a hook.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/view.h"
#include "engine/executor.h"
#include "engine/ranks.h"
#include "models/model.h"
#include "train/config.h"
#include "train/monitor.h"
#include "train/state.h"

namespace digitnet::train {

// What a hook wants of the loop behind an epoch: to stop for good, or to keep
// the state from which another run goes on.
enum class Request { GoOn, Stop, Interrupt };

// Called by the loop; each may be empty. What they throw leaves the loop with
// the model in the state of its last whole step.
struct Hooks {
  std::function<Request(const Epoch&)> epoch_done;
  // Between steps, every 50 ms or so: the epoch's progress; true: stop now.
  std::function<bool(int64_t epoch, int64_t step, int64_t steps, double loss)>
      pulse;
  // Keeps the state: behind every epoch but the last, every `save_seconds`
  // within one, and where an interrupt ends the loop; of several ranks behind
  // epochs alone. True: stop now.
  std::function<bool(const State&)> save = {};
  double save_seconds = 60;
  // Other processes that do the same with the same model, data and config, each
  // its shard of every batch. All stop together after an epoch if a hook of one
  // of them says so; all get the same weights.
  engine::Ranks ranks = {};
  engine::Recorder recorder = {};
};

enum class Status { Finished, StoppedEarly, Interrupted, Diverged };

struct Outcome {
  Status status = Status::Finished;
  int64_t best_epoch = 0;  // by the monitored value
  std::string message;     // why it diverged
  std::string loop;        // how a GPU got its batches; "" on a CPU
  // With Config::record_steps, of each step: its mean loss, NaN once it is not
  // finite, and its learning rate.
  std::vector<double> step_losses, step_rates;
};

// Trains `model` in place. `validation` may have no samples.
// Same model, data, config, device and thread count: the same weights bit for
// bit, on a GPU if the config asks for deterministic kernels. If early stopping
// is on and the config asks, the weights of the best epoch come back at the
// end, however it ends; after divergence those of the last epoch whose weights
// were finite. Needs no lock held by the caller and takes none. Throws
// std::invalid_argument for a bad config, engine::OutOfMemory naming the batch
// size, std::runtime_error for what LibTorch refuses. `from`: it goes on from
// there, and what the hooks saw before they do not see again; DataError if it
// is not of such a training.
Outcome fit(models::Model& model, const data::DatasetView& training,
            const data::DatasetView& validation, Config config,
            const Hooks& hooks, const State* from = nullptr);

}  // namespace digitnet::train
