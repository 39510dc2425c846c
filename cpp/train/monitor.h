// What a training goes by from epoch to epoch: the value of Config::monitor,
// less is better, and how long it has got no better.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "train/config.h"

namespace digitnet::train {

struct Epoch {
  int64_t number;  // from 1
  double loss, accuracy;
  double val_loss, val_accuracy;  // NaN without validation
  double learning_rate;           // of its last step
  double seconds;                 // validation included
};

class Monitor {
 public:
  // Borrows the config, which is resolved.
  explicit Monitor(const Config& config) : config_(config) {}

  double value_of(const Epoch& epoch) const;
  // The next epoch's value; true: it is the best so far.
  bool note(double value);
  // Of the epochs so far.
  const std::vector<double>& values() const { return values_; }
  int64_t best_epoch() const { return best_epoch_; }  // 0: none
  bool out_of_patience() const;  // early stopping has waited long enough
  bool restores() const;         // early stopping brings the best weights back

 private:
  const Config& config_;
  std::vector<double> values_;
  double best_value_ = std::numeric_limits<double>::infinity();
  int64_t best_epoch_ = 0;
};

}  // namespace digitnet::train
