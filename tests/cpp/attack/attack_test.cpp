#include "attack/attack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <stdexcept>
#include <vector>

#include "engine/inference.h"
#include "engine/predictor.h"
#include "halves.h"

namespace digitnet::attack {
// Without it GoogleTest names parametrised tests by raw bytes.
static void PrintTo(const AttackEntry& entry, std::ostream* out) {
  *out << entry.name;
}

namespace {

using engine::Predictor;
using testing::Halves;

constexpr int64_t kSide = 8;
constexpr float kStrength = 0.1f;

Spec spec_of(const AttackEntry& entry) {
  Spec spec{entry.name, {{"strength", double(kStrength)}}};
  if (entry.name == "pgd") spec.options["steps"] = 5.0;
  return spec;
}

double mean_loss(Predictor& predictor, const data::DatasetView& samples) {
  const auto logits = predictor.logits(samples, "cpu");
  return engine::score(models::Loss::CrossEntropy, logits, samples.labels,
                       samples.count, 2)
      .loss;
}

class EveryAttack : public ::testing::TestWithParam<AttackEntry> {
 protected:
  Halves data_{kSide};
  models::Model model_ = testing::smooth_cnn(kSide);
  Predictor predictor_{model_};

  std::vector<float> images(uint64_t seed) {
    const auto lease = predictor_.lease_inspector();
    return attacked(lease.executor(), model_, spec_of(GetParam()), data_.view,
                    seed);
  }
};

TEST_P(EveryAttack, KeepsEveryPixelWithinItsBoundAndItsRange) {
  const auto result = images(1);
  ASSERT_EQ(result.size(), data_.pixels.size());
  for (size_t i = 0; i < result.size(); ++i) {
    ASSERT_LE(std::abs(result[i] - data_.pixels[i]), kStrength * 255 + 1e-3);
    ASSERT_GE(result[i], 0);
    ASSERT_LE(result[i], 255);
  }
}

TEST_P(EveryAttack, RaisesTheLoss) {
  const double before = mean_loss(predictor_, data_.view);
  const auto result = images(1);
  data::DatasetView view = data_.view;
  view.images.pixels = result.data();
  view.images.type = data::PixelType::Float32;
  EXPECT_GT(mean_loss(predictor_, view), before + 0.01);
}

TEST_P(EveryAttack, GivesTheSameBitsForTheSameSeed) {
  EXPECT_EQ(images(1), images(1));
}

INSTANTIATE_TEST_SUITE_P(Attacks, EveryAttack, ::testing::ValuesIn(all()),
                         [](const auto& info) { return info.param.name; });

TEST(Attack, OfNoStrengthChangesNothing) {
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Predictor predictor(model);
  const auto lease = predictor.lease_inspector();
  const auto result = attacked(lease.executor(), model,
                               {"pgd", {{"strength", 0.0}}}, data.view, 1);
  for (size_t i = 0; i < result.size(); ++i)
    ASSERT_NEAR(result[i], data.pixels[i], 1e-3);
}

TEST(Attack, RefusesPreprocessingThatMixesPixels) {
  models::Model model(models::zoo::lenet5().make(2), {1, 28, 28},
                      {{"blur", {}}}, 3);
  EXPECT_THROW(Attacker(model, {"fgsm", {}}, 1), std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::attack
