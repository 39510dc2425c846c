#include <algorithm>
#include <cmath>

#include "train/schedules.h"

namespace digitnet::train::schedules {

ScheduleEntry constant() {
  return {"constant",
          "the same rate throughout",
          "",
          {},
          [](const Options&, const Horizon&) {
            return as_schedule([](int64_t) { return 1.0; });
          }};
}

ScheduleEntry step() {
  return {"step",
          "times `factor` every `every` epochs",
          "",
          {{"every", OptionType::Integer, 10.0, 1, 1e6, "epochs"},
           {"factor", OptionType::Real, 0.1, 0, 1,
            "what the rate is multiplied by"}},
          [](const Options& options, const Horizon& horizon) {
            const int64_t every =
                integer(options, "every") * horizon.steps_per_epoch;
            const double factor = number(options, "factor");
            return as_schedule([=](int64_t at) {
              return std::pow(factor, static_cast<double>(at / every));
            });
          }};
}

ScheduleEntry exponential() {
  return {"exponential",
          "times the same factor at every step, until `end`; above 1 it rises",
          "Smith, WACV 2017, section 3.3 (rising)",
          {{"end", OptionType::Real, 0.01, 1e-12, 1e12,
            "last rate, as a multiple of the first"}},
          [](const Options& options, const Horizon& horizon) {
            const double end = number(options, "end");
            const auto last =
                static_cast<double>(std::max<int64_t>(1, horizon.steps() - 1));
            return as_schedule([=](int64_t at) {
              return std::pow(end, static_cast<double>(at) / last);
            });
          }};
}

ScheduleEntry warm_up() {
  return {"warm-up",
          "linear rise over the first epochs, then constant",
          "Goyal et al., 2017",
          {{"epochs", OptionType::Real, 1.0, 0, 1e6, "length of the rise"}},
          [](const Options& options, const Horizon& horizon) {
            const double rise =
                std::max(1.0, number(options, "epochs") *
                                  static_cast<double>(horizon.steps_per_epoch));
            return as_schedule([=](int64_t at) {
              return std::min(1.0, static_cast<double>(at + 1) / rise);
            });
          }};
}

}  // namespace digitnet::train::schedules
