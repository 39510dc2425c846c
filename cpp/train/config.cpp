#include "train/config.h"

#include <algorithm>
#include <cmath>

#include "attack/attack.h"
#include "augment/pipeline.h"
#include "core/error.h"
#include "core/list.h"
#include "data/view.h"
#include "optimizers/all.h"
#include "train/schedules.h"

namespace digitnet::train {
namespace {

// Throws for a number that is out of its range; other options pass.
struct CheckRange {
  void operator()(const char* name, int64_t value, Range range) const {
    const auto min = static_cast<int64_t>(range.min);
    const auto max = static_cast<int64_t>(range.max);
    require(value >= min && value <= max, "fit.", name, ": expected ", min,
            " to ", max, ", got ", value);
  }
  void operator()(const char* name, double value, Range range) const {
    require(std::isfinite(value) && value >= range.min && value < range.max,
            "fit.", name, ": expected ", range.min, " <= ", name, " < ",
            range.max, ", got ", value);
  }
  template <class T>
  void operator()(const char*, const T&) const {}
};

}  // namespace

void Config::validate(int64_t classes, bool has_validation) {
  each_option(*this, CheckRange());
  const auto& optimizer_entry =
      find(optimizers::all(), "optimizer", optimizer.name);
  optimizer.options =
      resolve(optimizer.name, optimizer_entry.options, optimizer.options);
  const auto& schedule_entry =
      find(schedules::all(), "schedule", schedule.name);
  schedule.options =
      resolve(schedule.name, schedule_entry.options, schedule.options);
  if (learning_rate == 0) learning_rate = optimizer_entry.default_lr;
  // Beyond 1e30 the optimizers' own arithmetic would leave float's range.
  require(learning_rate > 0 && learning_rate <= 1e30,
          "fit.learning_rate: expected a positive number up to 1e30, got ",
          learning_rate);
  require(rates.empty() || static_cast<int64_t>(rates.size()) == epochs,
          "fit.schedule: expected ", epochs, " rates, one an epoch, got ",
          rates.size());
  for (const double rate : rates) {
    require(rate >= 0 && rate <= 1e30,
            "fit.schedule: expected rates from 0 to 1e30, got ", rate);
  }
  augment = augment::Pipeline(augment).text();
  require(early_stopping >= 0,
          "fit.early_stopping: expected 0 or more epochs, got ",
          early_stopping);
  require(class_weights.empty() ||
              static_cast<int64_t>(class_weights.size()) == classes,
          "fit.class_weights: expected ", classes,
          " weights, one a class, got ", class_weights.size());
  if (!class_weights.empty()) {
    data::check_weights("fit.class_weights", class_weights.data(), classes);
  }
  if (classes == 0) {
    require(label_smoothing == 0,
            "fit.label_smoothing: expected 0 for a network that makes images, "
            "got ",
            label_smoothing);
    require(!monitor.ends_with("accuracy"),
            "fit.monitor: expected a loss for a network that makes images, got "
            "'",
            monitor, "'");
  }
  if (!adversary.name.empty()) {
    require(classes > 0,
            "fit.adversary: expected a network with classes, got one that "
            "makes images");
    const auto& entry = find(attack::all(), "attack", adversary.name);
    adversary.options =
        resolve(adversary.name, entry.options, adversary.options);
  }
  const std::vector<std::string> precisions = {"bfloat16", "float32", "tf32"};
  require(std::count(precisions.begin(), precisions.end(), precision) > 0,
          "unknown precision '", precision, "'; known: ", listed(precisions));
  if (monitor == "auto") monitor = has_validation ? "val_loss" : "loss";
  const std::vector<std::string> known = {"loss", "accuracy", "val_loss",
                                          "val_accuracy"};
  require(std::count(known.begin(), known.end(), monitor) > 0,
          "unknown monitor '", monitor, "'; known: ", listed(known));
  require(has_validation || !monitor.starts_with("val_"),
          "fit.monitor: expected validation data for '", monitor,
          "', got none; give validation=0.1");
}

}  // namespace digitnet::train
