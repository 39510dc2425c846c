#include "features/explain.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "engine/predictor.h"
#include "features/activations.h"
#include "features/maximise.h"
#include "halves.h"

namespace digitnet::features {
namespace {

using engine::Predictor;
using testing::Halves;

constexpr int64_t kSide = 8;

double sum_of(const std::vector<float>& values, int64_t first, int64_t count) {
  double sum = 0;
  for (int64_t i = first; i < first + count; ++i) sum += values[i];
  return sum;
}

TEST(Activations, AreOfTheNamedLayersInTheOrderOfExecution) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  const auto outputs =
      activations(lease.inspector(), model, data.view, {"dense1", "conv1"});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].path, "conv1");
  EXPECT_EQ(outputs[0].sizes, (std::vector<int64_t>{40, 3, 6, 6}));
  EXPECT_EQ(outputs[1].path, "dense1");
  EXPECT_EQ(outputs[1].values.size(), 40u * 5);
}

TEST(Activations, OfTheLastLayerAreThePredictedLogits) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto logits = predictor.logits(data.view, "cpu");
  const auto lease = predictor.lease_inspector();
  const auto last =
      activations(lease.inspector(), model, data.view, {"dense2"});
  ASSERT_EQ(last[0].values.size(), logits.size());
  for (size_t i = 0; i < logits.size(); ++i)
    ASSERT_NEAR(last[0].values[i], logits[i], 1e-5);
}

TEST(UnitActivations, AreMeansOverAChannelsMap) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  engine::Inspector& inspector = lease.inspector();
  const auto maps = activations(inspector, model, data.view, {"conv1"});
  const auto means = unit_activations(inspector, model, data.view, "conv1", 1);
  for (int64_t n = 0; n < data.view.count; ++n)
    ASSERT_NEAR(means[n], sum_of(maps[0].values, (n * 3 + 1) * 36, 36) / 36,
                1e-6);
  EXPECT_THROW(unit_activations(inspector, model, data.view, "conv1", 3),
               std::invalid_argument);
  EXPECT_THROW(unit_activations(inspector, model, data.view, "conv9", 0),
               std::invalid_argument);
}

TEST(Saliency, AgreesWithDifferencesOfLogits) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  const auto gradients =
      saliency(lease.inspector(), model, data.view, data.labels);
  const auto images = preprocessed(model, data.view);
  const auto logit = [&](int64_t sample, int64_t pixel, float step) {
    std::vector<float> image(images.begin() + sample * kSide * kSide,
                             images.begin() + (sample + 1) * kSide * kSide);
    image[pixel] += step;
    std::vector<float> logits(2);
    lease.executor().predict(image.data(), 1, logits.data());
    return logits[data.labels[sample]];
  };
  constexpr float kStep = 0.01f;
  for (int64_t sample = 0; sample < 2; ++sample) {
    for (int64_t pixel = 0; pixel < kSide * kSide; pixel += 7) {
      const float difference =
          (logit(sample, pixel, kStep) - logit(sample, pixel, -kStep)) /
          (2 * kStep);
      ASSERT_NEAR(gradients[sample * kSide * kSide + pixel], difference, 1e-3)
          << "sample " << sample << ", pixel " << pixel;
    }
  }
}

TEST(Saliency, RefusesAClassThatIsNone) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  EXPECT_THROW(
      saliency(lease.inspector(), model, data.view, Units(data.view.count, 2)),
      std::invalid_argument);
}

TEST(IntegratedGradients, SumToTheDifferenceOfLogits) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto logits = predictor.logits(data.view, "cpu");
  const std::vector<uint8_t> black(kSide * kSide, 0);
  data::DatasetView baseline;
  baseline.images = {
      black.data(), data::PixelType::UInt8, 1, {1, kSide, kSide}};
  baseline.count = 1;
  const auto start = predictor.logits(baseline, "cpu");
  const auto lease = predictor.lease_inspector();
  const auto attributions = integrated_gradients(lease.inspector(), model,
                                                 data.view, data.labels, 32, 0);
  for (int64_t n = 0; n < data.view.count; ++n) {
    const int64_t label = data.labels[n];
    ASSERT_NEAR(sum_of(attributions, n * kSide * kSide, kSide * kSide),
                logits[n * 2 + label] - start[label], 1e-3);
  }
}

TEST(GradCam, IsNeverNegativeAndNeedsALayerWithMaps) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  const Maps maps =
      grad_cam(lease.inspector(), model, data.view, "conv1", data.labels);
  EXPECT_EQ(maps.height, 6);
  for (const float value : maps.values) ASSERT_GE(value, 0);
  EXPECT_THROW(
      grad_cam(lease.inspector(), model, data.view, "dense1", data.labels),
      std::invalid_argument);
}

TEST(Occlusion, MattersOnlyWhereTheNetworkLooks) {
  // One class per half, and weights on the left half alone.
  using namespace models::build;
  models::Model model = testing::scaled_model(
      models::named(sequence({flatten(), dense(2)})), kSide);
  const models::Slot& slot = model.slot("dense1.weight");
  std::vector<float> weights(slot.parameter.count(), 0);
  for (int64_t p = 0; p < kSide * kSide; ++p)
    if (p % kSide < kSide / 2) weights[p] = 1;
  model.set(slot, weights.data());
  const Halves data(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease("cpu");
  const auto drops = occlusion(lease.executor(), model, data.view,
                               Units(data.view.count, 0), 2, 2, 0);
  EXPECT_GT(sum_of(drops, 0, kSide * kSide), 0);
  for (int64_t p = 0; p < kSide * kSide; ++p) {
    if (p % kSide >= kSide / 2) {
      ASSERT_NEAR(drops[p], 0, 1e-6);
    }
  }
}

TEST(Maximise, RaisesEveryUnitWithinTheRangeOfImages) {
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  MaximiseOptions options;
  options.steps = 30;
  const Maximised result =
      maximise(lease.inspector(), model, "conv1", {0, 1, 2}, options);
  for (int unit = 0; unit < 3; ++unit)
    EXPECT_GT(result.last[unit], result.first[unit]);
  for (const float value : result.images) {
    ASSERT_GE(value, 0);
    ASSERT_LE(value, 1);
  }
}

}  // namespace
}  // namespace digitnet::features
