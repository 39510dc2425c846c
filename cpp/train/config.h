// The options of a training run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"

namespace digitnet::train {

// To add an option of `fit`: its field here, its line in each_option() below,
// and its use. In Python: its field in python/digitnet/train/options.py and its
// argument in Model.fit (python/digitnet/models/model.py).
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
  std::string precision =
      "float32";               // or tf32, bfloat16: of a step's arithmetic
  bool deterministic = false;  // kernels that repeat bit for bit on a GPU, too
  Spec adversary;  // an attack on every batch before it is learned; "": none

  // Resolves options and defaults. Throws std::invalid_argument naming the
  // field.
  // For a network that makes images `classes` is 0.
  void validate(int64_t classes, bool has_validation);
};

// What a number may be: whole ones min <= n <= max, others min <= x < max.
struct Range {
  double min, max;
};

// visit(name, field) for every option, visit(name, field, range) for numbers
// whose range depends on nothing else: reading and checking loop over them.
template <class AnyConfig, class Visit>
void each_option(AnyConfig& config, const Visit& visit) {
  visit("epochs", config.epochs, Range{1, 1e6});
  visit("batch_size", config.batch_size, Range{1, 1e6});
  visit("optimizer", config.optimizer);
  visit("learning_rate", config.learning_rate);
  visit("schedule", config.schedule);
  visit("rates", config.rates);
  visit("augment", config.augment);
  visit("l1", config.l1, Range{0, 1e6});
  visit("l2", config.l2, Range{0, 1e6});
  visit("label_smoothing", config.label_smoothing, Range{0, 1});
  visit("class_weights", config.class_weights);
  visit("clip_norm", config.clip_norm, Range{0, 1e12});
  visit("ema_decay", config.ema_decay, Range{0, 1});
  visit("early_stopping", config.early_stopping);
  visit("restore_best", config.restore_best);
  visit("min_delta", config.min_delta, Range{0, 1e12});
  visit("monitor", config.monitor);
  visit("seed", config.seed);
  visit("device", config.device);
  visit("lr_scales", config.lr_scales);
  visit("record_steps", config.record_steps);
  visit("precision", config.precision);
  visit("deterministic", config.deterministic);
  visit("adversary", config.adversary);
}

}  // namespace digitnet::train
