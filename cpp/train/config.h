// What a training run is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"

namespace digitnet::train {

struct Config {
  int64_t epochs = 10;
  int64_t batch_size = 64;
  Spec optimizer = {"adam", {}};
  double learning_rate = 0;  // 0: the optimizer's own default
  Spec schedule = {"one-cycle", {}};
  std::vector<double> rates;  // [epochs] instead of both, or empty
  std::string augment;        // a pipeline's text
  double l1 = 0;
  double l2 = 0;
  double label_smoothing = 0;         // [0, 1)
  std::vector<double> class_weights;  // [K] or empty
  double clip_norm = 0;               // 0: off
  double ema_decay = 0;               // [0, 1), 0: off
  int64_t early_stopping = 0;         // epochs without progress, 0: off
  bool restore_best = true;           // after early stopping
  double min_delta = 0;               // what counts as progress
  std::string monitor = "auto";       // loss, accuracy, val_loss, val_accuracy
  uint64_t seed = 0;
  std::string device = "auto";
  std::vector<double> lr_scales;  // one per slot of the model, or empty: all 1
  bool record_steps = false;  // reads each step's loss back: slower on a GPU
  std::string precision = "float32";  // or bfloat16: of a step's arithmetic
  Spec adversary;  // an attack on every batch before it is learned; "": none

  // Resolves options and defaults. Throws std::invalid_argument naming the
  // field.
  // For a network that makes images `classes` is 0.
  void validate(int64_t classes, bool has_validation);
};

}  // namespace digitnet::train
