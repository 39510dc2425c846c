// The losses of steps and their gradients by hand, against autograd.
#include "engine/torch/step_losses.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "engine/torch/losses.h"

namespace digitnet::engine {
namespace {

constexpr int64_t kSteps = 3, kCount = 5, kClasses = 4;

at::Tensor seeded(at::IntArrayRef sizes, uint64_t seed) {
  at::Generator random = at::globalContext().defaultGenerator(at::kCPU).clone();
  random.set_current_seed(seed);
  return at::randn(sizes, random, at::TensorOptions(at::kFloat));
}

struct Case {
  const char* name;
  models::Loss loss;
  double smoothing;
  bool images, weighted;
  double factor;
};

const std::vector<Case> kCases = {
    {"CrossEntropy", models::Loss::CrossEntropy, 0, false, false, 1},
    {"Smoothed", models::Loss::CrossEntropy, 0.1, false, false, 1},
    {"Weighted", models::Loss::CrossEntropy, 0.1, false, true, 0.7},
    {"Margin", models::Loss::Margin, 0, false, false, 1},
    {"WeightedMargin", models::Loss::Margin, 0, false, true, 0.7},
    {"Images", models::Loss::CrossEntropy, 0, true, false, 1},
    {"WeightedImages", models::Loss::CrossEntropy, 0, true, true, 0.7},
};

class LossOfSteps : public testing::TestWithParam<Case> {};

TEST_P(LossOfSteps, HasTheMeansAndGradientsThatAutogradFinds) {
  const Case& which = GetParam();
  const int64_t all = kSteps * kCount;
  const at::Tensor labels = at::arange(all).remainder(kClasses);
  const at::Tensor weights = which.weighted
                                 ? at::arange(all).remainder(3).to(at::kFloat)
                                 : at::Tensor();
  const StepMeans means{kSteps, weights, which.factor};
  const at::Tensor targets = seeded({all, 2, 3, 3}, 1);
  const StepLosses losses =
      which.images
          ? StepLosses(targets, means)
          : StepLosses(which.loss, labels, kClasses, which.smoothing, means);
  const at::Tensor outputs =
      which.images ? seeded({all, 2, 3, 3}, 2) : seeded({all, kClasses}, 2);
  const at::Tensor of_all = losses.of(outputs);
  ASSERT_EQ(of_all.sizes(), at::IntArrayRef({kSteps}));
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto part = [&](const at::Tensor& x) {
      return x.narrow(0, step * kCount, kCount);
    };
    at::AutoGradMode grad(true);
    const at::Tensor x = part(outputs).clone().requires_grad_();
    const at::Tensor each =
        which.images ? (x - part(targets)).square().mean({1, 2, 3})
                     : losses_of(which.loss, x, part(labels), which.smoothing);
    const at::Tensor mean =
        which.weighted ? (each * part(weights)).sum() / part(weights).sum()
                       : each.mean();
    const at::Tensor wanted =
        torch::autograd::grad({mean * which.factor}, {x})[0];
    at::NoGradGuard guard;
    EXPECT_TRUE(at::allclose(of_all[step], mean, 1e-5, 1e-6));
    EXPECT_TRUE(
        at::allclose(losses.gradient(part(outputs), step), wanted, 1e-5, 1e-7))
        << losses.gradient(part(outputs), step) << wanted;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LossOfSteps, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(LossOfSteps, IsZeroForAStepWhoseSamplesWeighNothing) {
  const StepLosses losses(models::Loss::CrossEntropy, at::arange(2), 2, 0,
                          {2, at::tensor({0.0f, 1.0f}), 1});
  const at::Tensor outputs = seeded({2, 2}, 3);
  EXPECT_EQ(losses.of(outputs)[0].item<float>(), 0);
  EXPECT_EQ(
      losses.gradient(outputs.narrow(0, 0, 1), 0).abs().sum().item<float>(), 0);
}

}  // namespace
}  // namespace digitnet::engine
