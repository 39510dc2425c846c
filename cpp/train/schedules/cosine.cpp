#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/schedules.h"

namespace digitnet::train::schedules {
namespace {

// From `start` to `end` along half a cosine wave; `progress` in [0, 1].
double anneal(double start, double end, double progress) {
  return end +
         (start - end) *
             (1 + std::cos(std::numbers::pi * std::clamp(progress, 0.0, 1.0))) /
             2;
}

}  // namespace

ScheduleEntry cosine() {
  return {"cosine",
          "half a cosine wave down to `least`",
          "Loshchilov, Hutter, ICLR 2017",
          {{"least", OptionType::Real, 0.0, 0, 1,
            "last rate, as a fraction of the first"}},
          [](const Options& options, const Horizon& horizon) {
            const double end = number(options, "least");
            const auto last =
                static_cast<double>(std::max<int64_t>(1, horizon.steps() - 1));
            return as_schedule([=](int64_t at) {
              return anneal(1, end, static_cast<double>(at) / last);
            });
          }};
}

ScheduleEntry one_cycle() {
  return {"one-cycle",
          "up for the first part, then down, by cosine; the learning rate is "
          "the peak",
          "Smith, Topin, 2018",
          {{"rise", OptionType::Real, 0.3, 0, 1,
            "fraction of the steps spent rising"},
           {"start", OptionType::Real, 0.04, 0, 1,
            "first rate, as a fraction of the peak"},
           {"end", OptionType::Real, 4e-6, 0, 1,
            "last rate, as a fraction of the peak"}},
          [](const Options& options, const Horizon& horizon) {
            const double start = number(options, "start"),
                         end = number(options, "end");
            const double peak =
                number(options, "rise") * static_cast<double>(horizon.steps()) -
                1;
            const auto last = static_cast<double>(horizon.steps() - 1);
            return as_schedule([=](int64_t step) {
              const auto at = static_cast<double>(step);
              if (at <= peak)
                return anneal(start, 1, at / std::max(peak, 1e-9));
              return anneal(1, end, (at - peak) / std::max(last - peak, 1e-9));
            });
          }};
}

}  // namespace digitnet::train::schedules
