// Every learning-rate schedule, in one list. To add one: write
// cpp/train/schedules/<name>.cpp, declare it here, add it to all().
#pragma once

#include <memory>
#include <vector>

#include "core/options.h"

namespace digitnet::train::schedules {

// The learning rate of each step as a factor of Config::learning_rate.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual double factor(int64_t step) const = 0;  // step 0 is the first
  // Called after each epoch with the value of Config::monitor; less is better.
  virtual void epoch_done(double /*monitored*/) {}
};

struct Horizon {
  int64_t steps_per_epoch;
  int64_t epochs;
  int64_t steps() const { return steps_per_epoch * epochs; }
};

struct ScheduleEntry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<OptionInfo> options;
  std::unique_ptr<Schedule> (*make)(const Options& options,
                                    const Horizon& horizon);
};

ScheduleEntry constant();
ScheduleEntry step();         // times `factor` every `every` epochs
ScheduleEntry cosine();       // half a cosine wave down to `least`
ScheduleEntry one_cycle();    // up, then down, by cosine
ScheduleEntry exponential();  // by equal factors to `end`
ScheduleEntry warm_up();      // linear rise over `epochs`, then constant
// times `factor` when the monitored value makes no progress
ScheduleEntry reduce_on_plateau();

inline const std::vector<ScheduleEntry>& all() {
  static const std::vector<ScheduleEntry> entries = {
      constant(),          cosine(), exponential(), one_cycle(),
      reduce_on_plateau(), step(),   warm_up()};
  return entries;
}

// A schedule that is a plain function of the step.
template <class F>
std::unique_ptr<Schedule> as_schedule(F function) {
  class Function : public Schedule {
   public:
    explicit Function(F f) : f_(std::move(f)) {}
    double factor(int64_t step) const override { return f_(step); }

   private:
    F f_;
  };
  return std::make_unique<Function>(std::move(function));
}

}  // namespace digitnet::train::schedules
