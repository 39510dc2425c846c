// Optimizer steps against their formulas in float64.
#include <cmath>
#include <functional>
#include <string>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

constexpr int64_t kCount = 37;

// A parameter and its state, in float64.
struct Parameter {
  double value, first = 0, second = 0;
};

// One step with gradient g, the `step`-th.
using Formula =
    std::function<void(const Update&, Parameter&, double g, double step)>;

void sgd(const Update& u, Parameter& p, double g, double) {
  g += u.weight_decay * p.value;
  p.first = u.momentum * p.first + g;
  p.value -= u.lr * (u.nesterov ? g + u.momentum * p.first : p.first);
}

void adam_step(const Update& u, Parameter& p, double g, double step) {
  p.first = u.beta1 * p.first + (1 - u.beta1) * g;
  p.second = u.beta2 * p.second + (1 - u.beta2) * g * g;
  const double mean = p.first / (1 - std::pow(u.beta1, step));
  const double square = p.second / (1 - std::pow(u.beta2, step));
  p.value -= u.lr * mean / (std::sqrt(square) + u.epsilon);
}

void adam(const Update& u, Parameter& p, double g, double step) {
  adam_step(u, p, g + u.weight_decay * p.value, step);
}

void adamw(const Update& u, Parameter& p, double g, double step) {
  p.value -= u.lr * u.weight_decay * p.value;
  adam_step(u, p, g, step);
}

void rmsprop(const Update& u, Parameter& p, double g, double) {
  g += u.weight_decay * p.value;
  p.first = u.beta1 * p.first + (1 - u.beta1) * g * g;
  p.second = u.momentum * p.second + g / (std::sqrt(p.first) + u.epsilon);
  p.value -= u.lr * p.second;
}

void expect_steps(void (*kernel)(const Update&), const Formula& formula,
                  Update u, const std::string& what) {
  std::vector<float> value = real_numbers(kCount, 1);
  std::vector<float> first(value.size()), second(value.size());
  std::vector<Parameter> expected;
  for (int64_t i = 0; i < kCount; ++i) expected.push_back({value[i]});
  const float behind = value[kCount];
  u.value = value.data();
  u.state[0] = first.data();
  u.state[1] = second.data();
  u.count = kCount;
  for (int step = 1; step <= 5; ++step) {
    const auto gradient = real_numbers(kCount, 10 + step);
    u.gradient = gradient.data();
    u.step = step;
    kernel(u);
    for (int64_t i = 0; i < kCount; ++i) {
      formula(u, expected[i], u.gradient_scale * gradient[i], step);
      ASSERT_NEAR(value[i], expected[i].value, 2e-6)
          << what << ", step " << step << ", parameter " << i;
    }
  }
  EXPECT_EQ(value[kCount], behind);
}

Update settings() {
  Update u{};
  u.lr = 0.01f;
  u.gradient_scale = 0.5f;
  u.beta1 = 0.9;
  u.beta2 = 0.999;
  u.epsilon = 1e-4f;
  return u;
}

TEST_P(EveryInstructionSet, StepsAsTheOptimizersFormulasSay) {
  for (const float decay : {0.0f, 0.1f}) {
    for (const float momentum : {0.0f, 0.9f}) {
      Update u = settings();
      u.weight_decay = decay;
      u.momentum = momentum;
      expect_steps(kernels().sgd, sgd, u, "sgd");
      expect_steps(kernels().rmsprop, rmsprop, u, "rmsprop");
      u.nesterov = momentum > 0;
      expect_steps(kernels().sgd, sgd, u, "nesterov");
    }
    Update u = settings();
    u.weight_decay = decay;
    expect_steps(kernels().adam, adam, u, "adam");
    expect_steps(kernels().adamw, adamw, u, "adamw");
  }
}

TEST_P(EveryInstructionSet, AddsThePenaltiesGradient) {
  const std::vector<float> value = {2, -3, 0};
  std::vector<float> gradient = {1, 1, 1};
  kernels().regularise(value.data(), 0.5f, 0.25f, gradient.data(), 3);
  EXPECT_EQ(gradient, (std::vector<float>{2.5f, -1, 1}));
}

TEST_P(EveryInstructionSet, MovesAnAverageTowardsItsValue) {
  const std::vector<float> value = {2, -4};
  std::vector<float> average = {0, 4};
  kernels().average(value.data(), average.data(), 0.25f, 2);
  EXPECT_EQ(average, (std::vector<float>{0.5f, 2}));
}

TEST_P(EveryInstructionSet, SumsSquaresInFloat64) {
  const std::vector<float> values(20'001, 0.1f);
  EXPECT_NEAR(kernels().sum_of_squares(values.data(), 20'001),
              20'001 * std::pow(static_cast<double>(0.1f), 2), 1e-9);
}

}  // namespace
}  // namespace digitnet::kernels
