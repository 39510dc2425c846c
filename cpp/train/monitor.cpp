#include "train/monitor.h"

namespace digitnet::train {

double Monitor::value_of(const Epoch& epoch) const {
  if (config_.monitor == "loss") return epoch.loss;
  if (config_.monitor == "val_loss") return epoch.val_loss;
  return config_.monitor == "accuracy" ? -epoch.accuracy : -epoch.val_accuracy;
}

bool Monitor::note(double value) {
  values_.push_back(value);
  if (!(value < best_value_ - config_.min_delta)) return false;
  best_value_ = value;
  best_epoch_ = static_cast<int64_t>(values_.size());
  return true;
}

bool Monitor::out_of_patience() const {
  const auto epochs = static_cast<int64_t>(values_.size());
  return config_.early_stopping > 0 &&
         epochs - best_epoch_ >= config_.early_stopping;
}

bool Monitor::restores() const {
  return config_.early_stopping > 0 && config_.restore_best;
}

}  // namespace digitnet::train
