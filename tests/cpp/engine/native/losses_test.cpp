#include "engine/native/losses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace digitnet::engine::native {
namespace {

const std::vector<float> kLogits = {1.5f, -2, 0.25f, 3, -0.75f};
constexpr int64_t kClasses = 5;

// In float64, as the definitions say.
double exact_cross_entropy(const std::vector<double>& logits, int64_t label,
                           double smoothing) {
  double sum = 0, loss = 0;
  for (const double logit : logits) sum += std::exp(logit);
  for (int64_t k = 0; k < kClasses; ++k) {
    const double target =
        smoothing / kClasses + (k == label ? 1 - smoothing : 0);
    loss -= target * (logits[k] - std::log(sum));
  }
  return loss;
}

double exact_margin(const std::vector<double>& logits, int64_t label, double) {
  double loss = 0;
  for (int64_t k = 0; k < kClasses; ++k) {
    const double length = 1 / (1 + std::exp(-logits[k]));
    const double miss = std::max(0.0, k == label ? 0.9 - length : length - 0.1);
    loss += (k == label ? 1 : 0.5) * miss * miss;
  }
  return loss;
}

struct Definition {
  models::Loss kind;
  double smoothing;
  double (*exact)(const std::vector<double>&, int64_t, double);
};

class EveryLoss : public testing::TestWithParam<Definition> {};

TEST_P(EveryLoss, IsThatOfFloat64AndItsGradientTheDifferenceQuotient) {
  const auto& [kind, smoothing, exact] = GetParam();
  constexpr double kWeight = 0.4, kStep = 1e-5;
  const std::vector<double> logits(kLogits.begin(), kLogits.end());
  for (int64_t label = 0; label < kClasses; ++label) {
    std::vector<float> gradient(kClasses, 9);
    EXPECT_NEAR(class_loss(kind, kLogits.data(), kClasses, label, smoothing,
                           kWeight, gradient.data()),
                exact(logits, label, smoothing), 1e-6);
    EXPECT_NEAR(class_loss(kind, kLogits.data(), kClasses, label, smoothing, 1,
                           nullptr),
                exact(logits, label, smoothing), 1e-6);
    for (int64_t k = 0; k < kClasses; ++k) {
      std::vector<double> up = logits, down = logits;
      up[k] += kStep;
      down[k] -= kStep;
      const double slope =
          (exact(up, label, smoothing) - exact(down, label, smoothing)) /
          (2 * kStep);
      EXPECT_NEAR(gradient[k], kWeight * slope, 1e-6) << label << ", " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Native, EveryLoss,
                         testing::Values(Definition{models::Loss::CrossEntropy,
                                                    0, exact_cross_entropy},
                                         Definition{models::Loss::CrossEntropy,
                                                    0.2, exact_cross_entropy},
                                         Definition{models::Loss::Margin, 0,
                                                    exact_margin}));

TEST(Losses, OfLogitsThatAreNoNumbersAreNone) {
  const std::vector<float> logits(kClasses, std::nanf(""));
  for (const models::Loss kind :
       {models::Loss::CrossEntropy, models::Loss::Margin}) {
    EXPECT_TRUE(std::isnan(
        class_loss(kind, logits.data(), kClasses, 1, 0, 1, nullptr)));
  }
}

// A batch of three samples behind two outputs or images of two channels.
struct Fixture {
  kernels::ThreadPool pool{2};
  Pass pass{kernels::select(), pool, 3, true};
  Tensor outputs;
  Buffer values, gradients;
  std::vector<double> losses;

  explicit Fixture(const Shape& shape) {
    outputs.shape = shape;
    outputs.height = shape.height;
    outputs.width = shape.width;
    outputs.channels = shape.channels;
    const Map map{nullptr, shape.height, shape.width, shape.channels, 1};
    outputs.value = outputs.gradient = map;
    outputs.value.data = values.reserve(3 * map.image());
    outputs.gradient.data = gradients.reserve(3 * map.image());
  }
  void set(const std::vector<float>& row_major) {
    for (int64_t n = 0; n < 3; ++n)
      from_row_major(pass.kernels, outputs, outputs.value, n,
                     row_major.data() + n * outputs.shape.size());
  }
  std::vector<float> gradient() {
    std::vector<float> result(3 * outputs.shape.size());
    for (int64_t n = 0; n < 3; ++n)
      to_row_major(pass.kernels, outputs, outputs.gradient, n,
                   result.data() + n * outputs.shape.size());
    return result;
  }
};

TEST(BatchLoss, WeighsSamplesAndLeavesOutThoseOfTheOtherDomain) {
  Fixture f(flat_shape(2));
  f.set({2, 0, 1, 4, 5, -5});
  const std::vector<int64_t> labels = {0, 0, 99};
  const std::vector<float> weights = {3, 1, 50};
  Batch batch;
  batch.labels = labels.data();
  batch.weights = weights.data();
  batch.count = 3;
  batch.labelled = 2;
  const BatchLoss loss = loss_of(f.pass, batch, models::Loss::CrossEntropy, 0,
                                 f.outputs, f.losses);
  const double first = std::log1p(std::exp(-2)),
               second = std::log1p(std::exp(3));
  EXPECT_NEAR(loss.mean, 0.75 * first + 0.25 * second, 1e-6);
  EXPECT_EQ(loss.correct, 1);
  const auto gradient = f.gradient();
  EXPECT_NEAR(gradient[1], 0.75 / (1 + std::exp(2)), 1e-6);
  EXPECT_NEAR(gradient[3], 0.25 / (1 + std::exp(-3)), 1e-6);
  EXPECT_EQ(gradient[4], 0);
  EXPECT_EQ(gradient[5], 0);
}

TEST(BatchLoss, OfImagesIsTheMeanSquaredErrorInTheNetworksOrder) {
  const Shape shape{2, 2, 3};
  Fixture f(shape);
  std::vector<float> outputs, targets;
  for (int i = 0; i < 36; ++i) {
    outputs.push_back(static_cast<float>(i * 7 % 5));
    targets.push_back(static_cast<float>(i * 5 % 7));
  }
  f.set(outputs);
  const std::vector<float> weights = {1, 2, 1};
  Batch batch;
  batch.targets = targets.data();
  batch.weights = weights.data();
  batch.count = 3;
  const BatchLoss loss = loss_of(f.pass, batch, models::Loss::SquaredError, 0,
                                 f.outputs, f.losses);
  double mean = 0;
  const auto gradient = f.gradient();
  for (int i = 0; i < 36; ++i) {
    const double error = outputs[i] - targets[i];
    const double weight = weights[i / 12] / 4 / 12;
    mean += weight * error * error;
    EXPECT_NEAR(gradient[i], 2 * weight * error, 1e-6);
  }
  EXPECT_NEAR(loss.mean, mean, 1e-6);
  EXPECT_EQ(loss.correct, 0);
}

TEST(BatchLoss, NeedsNoGradientWhereNothingIsTrained) {
  Fixture f(flat_shape(2));
  f.set({2, 0, 1, 4, 5, -5});
  f.outputs.gradient.data = nullptr;
  const std::vector<int64_t> labels = {0, 1, 0};
  Batch batch;
  batch.labels = labels.data();
  batch.count = 3;
  const BatchLoss loss = loss_of(f.pass, batch, models::Loss::CrossEntropy, 0,
                                 f.outputs, f.losses);
  EXPECT_EQ(loss.correct, 3);
}

}  // namespace
}  // namespace digitnet::engine::native
