#include "train/rehearsal.h"

#include "core/error.h"
#include "engine/torch_engine.h"
#include "train/trainer.h"

namespace digitnet::train {
namespace {

Config resolved(const models::Model& model, const data::DatasetView& training,
                Config config) {
  check(model, config, false, training.domains != nullptr);
  return config;
}

}  // namespace

Rehearsal::Rehearsal(models::Model& model, const data::DatasetView& training,
                     Config config)
    : config_(resolved(model, training, std::move(config))),
      executor_(engine::torch_engine().make_executor(model, "meta", 1)),
      batches_(model, training, config_, ranks_) {
  executor_->start_training(settings_of(model, config_, ranks_));
  const engine::ResidentSupport support = batches_.make_resident(*executor_);
  require(support.training,
          "rehearsal: expected a set that can be resident: ", support.reason);
  resident_ = support.training;
}

void Rehearsal::start_epoch() {
  batches_.start_epoch(++epoch_);
  batches_.start_resident_epoch(*executor_, *resident_,
                                std::vector<double>(batches_.steps(), 0.1));
}

void Rehearsal::step() { resident_->train(1); }

}  // namespace digitnet::train
