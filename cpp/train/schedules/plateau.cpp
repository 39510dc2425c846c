#include <algorithm>
#include <limits>

#include "train/schedules.h"

namespace digitnet::train::schedules {
namespace {

class ReduceOnPlateau : public Schedule {
 public:
  explicit ReduceOnPlateau(const Options& options)
      : factor_(number(options, "factor")),
        min_factor_(number(options, "least")),
        min_delta_(number(options, "min_delta")),
        patience_(integer(options, "patience")) {}

  double factor(int64_t) const override { return current_; }

  void epoch_done(double monitored) override {
    if (monitored < best_ - min_delta_) {
      best_ = monitored;
      epochs_without_progress_ = 0;
    } else if (++epochs_without_progress_ >= patience_) {
      current_ = std::max(min_factor_, current_ * factor_);
      epochs_without_progress_ = 0;
    }
  }

 private:
  double factor_, min_factor_, min_delta_;
  int64_t patience_;
  int64_t epochs_without_progress_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
  double current_ = 1;
};

}  // namespace

ScheduleEntry reduce_on_plateau() {
  return {
      "reduce-on-plateau",
      "times `factor` when `monitor` has got no better for `patience` epochs",
      "",
      {{"factor", OptionType::Real, 0.1, 0, 1,
        "what the rate is multiplied by"},
       {"patience", OptionType::Integer, 3.0, 1, 1e6,
        "epochs without progress before it acts"},
       {"least", OptionType::Real, 0.0, 0, 1,
        "lowest rate, as a fraction of the first"},
       {"min_delta", OptionType::Real, 1e-4, 0, 1e6,
        "what counts as progress"}},
      [](const Options& options, const Horizon&) -> std::unique_ptr<Schedule> {
        return std::make_unique<ReduceOnPlateau>(options);
      }};
}

}  // namespace digitnet::train::schedules
