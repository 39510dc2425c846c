#include "core/error.h"
#include "models/preprocess_steps.h"

namespace digitnet::models::steps {
namespace {

Shape same(const Options&, const Shape& input) { return input; }

double of_channel(const std::vector<double>& values, int64_t channel,
                  double fallback) {
  if (values.empty()) return fallback;
  return values[values.size() == 1 ? 0 : channel];
}

Shape check_channels(const Options& options, const Shape& input,
                     const char* where, const char* option) {
  const auto count = static_cast<int64_t>(numbers(options, option).size());
  require(count == 0 || count == 1 || count == input.channels, where, ".",
          option, ": expected ", input.channels,
          " numbers, one a channel, got ", count);
  return input;
}

const OptionInfo kMean = {"mean",
                          OptionType::Numbers,
                          std::vector<double>{},
                          -1e6,
                          1e6,
                          "one number, or one a channel; measured on the "
                          "training data when left out"};
const OptionInfo kStd = {"std",
                         OptionType::Numbers,
                         std::vector<double>{},
                         1e-9,
                         1e6,
                         "one number, or one a channel; measured on the "
                         "training data when left out"};

}  // namespace

StepEntry scale() {
  return {"scale",
          "Scale",
          "divide by the data's largest pixel value: 0 to 1",
          {},
          same,
          [](const Options&, double max_value, const Shape& input,
             const float* from, float* to) {
            const auto largest = static_cast<float>(max_value);
            for (int64_t i = 0; i < input.size(); ++i)
              to[i] = from[i] / largest;
          },
          false,
          false,
          [](const Options&, double max_value, double& scale, double& shift) {
            scale /= max_value;
            shift /= max_value;
            return true;
          }};
}

StepEntry standardise() {
  return {"standardise",
          "Standardise",
          "subtract the mean and divide by the standard deviation",
          {kMean, kStd},
          [](const Options& options, const Shape& input) {
            check_channels(options, input, "standardise", "mean");
            return check_channels(options, input, "standardise", "std");
          },
          [](const Options& options, double, const Shape& input,
             const float* from, float* to) {
            const int64_t plane = input.height * input.width;
            for (int64_t i = 0; i < input.size(); ++i) {
              const auto mean = static_cast<float>(
                  of_channel(numbers(options, "mean"), i / plane, 0));
              const auto std = static_cast<float>(
                  of_channel(numbers(options, "std"), i / plane, 1));
              to[i] = (from[i] - mean) / std;
            }
          },
          true,
          true,
          [](const Options& options, double, double& scale, double& shift) {
            const auto& mean = numbers(options, "mean");
            const auto& std = numbers(options, "std");
            if (mean.size() > 1 || std.size() > 1) return false;
            scale /= of_channel(std, 0, 1);
            shift = (shift - of_channel(mean, 0, 0)) / of_channel(std, 0, 1);
            return true;
          }};
}

StepEntry mean_rgb() {
  return {"mean_rgb",
          "MeanRGB",
          "subtract the training set's mean of each channel",
          {kMean},
          [](const Options& options, const Shape& input) {
            return check_channels(options, input, "mean_rgb", "mean");
          },
          [](const Options& options, double, const Shape& input,
             const float* from, float* to) {
            const int64_t plane = input.height * input.width;
            for (int64_t i = 0; i < input.size(); ++i) {
              to[i] = from[i] - static_cast<float>(of_channel(
                                    numbers(options, "mean"), i / plane, 0));
            }
          },
          true,
          false};
}

}  // namespace digitnet::models::steps
