// Every preprocessing step on many images at once against one image after
// another.
#include "engine/torch/preprocess.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "models/preprocess_steps.h"

namespace digitnet::models {
// Without it GoogleTest names parametrised tests by raw bytes.
static void PrintTo(const StepEntry& entry, std::ostream* out) {
  *out << entry.name;
}
}  // namespace digitnet::models

namespace digitnet::engine {
namespace {

constexpr int64_t kImages = 64;
constexpr double kMax = 200;

// Two passes of a filter; a size that is no multiple of the old one.
Options options_of(const models::StepEntry& step, int64_t channels) {
  const auto each = [&](double value) {
    return std::vector<double>(channels, value);
  };
  if (step.name == "standardise")
    return {{"mean", each(31.7)}, {"std", each(9)}};
  if (step.name == "mean_rgb") return {{"mean", each(31.7)}};
  if (step.name == "resize") return {{"height", 17.0}, {"width", 11.0}};
  const auto passes = [](const OptionInfo& info) {
    return info.name == "passes";
  };
  if (std::any_of(step.options.begin(), step.options.end(), passes))
    return {{"passes", 2.0}};
  return {};
}

Shape shape_of(const models::StepEntry& step) {
  if (step.name == "grey_to_rgb") return {1, 28, 28};
  if (step.name == "rgb_to_grey") return {3, 28, 28};
  return {2, 28, 27};
}

class EveryStepAtOnce : public testing::TestWithParam<models::StepEntry> {
 protected:
  EveryStepAtOnce()
      : shape_(shape_of(GetParam())),
        preprocess_(
            {{GetParam().name, options_of(GetParam(), shape_.channels)}},
            shape_),
        pixels_(kImages * shape_.size()) {
    preprocess_.set_max_value(kMax);
    for (size_t i = 0; i < pixels_.size(); ++i)
      pixels_[i] = 0.937f * static_cast<float>((i * 37 + i / 11) % 201);
  }

  // All images, `count` in a turn.
  at::Tensor by(int64_t count) {
    const TorchPreprocess preprocess(preprocess_, at::kCPU);
    const at::Tensor images = at::from_blob(
        pixels_.data(), {kImages, shape_.channels, shape_.height, shape_.width},
        at::kFloat);
    std::vector<at::Tensor> parts;
    for (int64_t first = 0; first < kImages; first += count)
      parts.push_back(preprocess(images.narrow(0, first, count)));
    return at::cat(parts).contiguous();
  }

  Shape shape_;
  models::Preprocess preprocess_;
  std::vector<float> pixels_;
};

TEST_P(EveryStepAtOnce, MakesOfEveryImageWhatItBecomesAlone) {
  const Shape& output = preprocess_.output();
  std::vector<float> expected(kImages * output.size());
  for (int64_t i = 0; i < kImages; ++i) {
    preprocess_.apply(pixels_.data() + i * shape_.size(),
                      expected.data() + i * output.size());
  }
  const at::Tensor batch = by(kImages);
  ASSERT_EQ(batch.numel(), static_cast<int64_t>(expected.size()));
  const float* values = batch.const_data_ptr<float>();
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(values[i], expected[i], 1e-5 * kMax) << "value " << i;
}

TEST_P(EveryStepAtOnce, MakesOfASampleTheSameWhateverIsBesideIt) {
  const at::Tensor whole = by(kImages);
  for (const int64_t count : {16, 1})
    EXPECT_TRUE(at::equal(by(count), whole)) << "by " << count;
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryStepAtOnce,
                         testing::ValuesIn(models::steps::all()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace digitnet::engine
