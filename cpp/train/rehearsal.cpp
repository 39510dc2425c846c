#include "train/rehearsal.h"

#include <limits>

#include "core/error.h"
#include "engine/torch_engine.h"
#include "train/settings.h"

namespace digitnet::train {
namespace {

Config resolved(const models::Model& model, const data::DatasetView& training,
                Config config) {
  config.device = "cuda";  // which it stands for
  check(model, config, false, training.domains != nullptr);
  return config;
}

}  // namespace

Rehearsal::Rehearsal(models::Model& model, const data::DatasetView& training,
                     Config config, int64_t launch_steps)
    : config_(resolved(model, training, std::move(config))),
      executor_(engine::torch_engine().make_executor(model, "meta", 1)),
      batches_(model, training, config_, ranks_) {
  engine::TrainSettings settings = settings_of(model, config_, ranks_);
  settings.steps = batches_.steps() * config_.epochs;
  settings.recorder.launch_seconds = std::numeric_limits<double>::infinity();
  settings.recorder.max_steps = launch_steps;
  settings.recorder.record = [](const engine::Work& first,
                                const engine::Work& work) {
    first();
    return work;
  };
  executor_->start_training(settings);
  const engine::ResidentSupport support = batches_.make_resident(*executor_);
  require(support.training,
          "rehearsal: expected a set that can be resident: ", support.reason);
  resident_ = support.training;
}

void Rehearsal::start_epoch() {
  batches_.start_epoch(++epoch_);
  batches_.start_resident_epoch(*executor_, *resident_,
                                std::vector<double>(batches_.steps(), 0.1));
  left_ = batches_.steps();
}

int64_t Rehearsal::launch() {
  require(left_ > 0,
          "rehearsal: expected steps of this epoch to come, got none");
  const int64_t steps = resident_->train(left_);
  left_ -= steps;
  return steps;
}

}  // namespace digitnet::train
