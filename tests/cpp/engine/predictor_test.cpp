#include "engine/predictor.h"

#include <gtest/gtest.h>

#include <vector>

#include "features/explain.h"
#include "halves.h"

namespace digitnet::engine {
namespace {

using testing::Halves;

std::vector<float> saliency(Predictor& predictor, const Halves& data) {
  const auto lease = predictor.lease_inspector();
  return features::saliency(lease.inspector(), predictor.model(), data.view,
                            data.labels);
}

void double_weights(models::Model& model) {
  for (float& value : model.trained()) value *= 2;
  model.touch();
}

TEST(Predictor, MakesOneExecutorForPredictionsAndGradients) {
  const Halves data;
  models::Model model = testing::lenet5();
  Predictor predictor(model);
  for (int i = 0; i < 3; ++i) {
    predictor.logits(data.view, "cpu");
    saliency(predictor, data);
  }
  EXPECT_EQ(predictor.executors_made(), 1);
}

TEST(Predictor, GivesWhatANewExecutorGives) {
  const Halves data;
  models::Model model = testing::lenet5();
  Predictor predictor(model);
  for (int i = 0; i < 3; ++i) {
    Predictor unused(model);
    EXPECT_EQ(predictor.logits(data.view, "cpu"),
              unused.logits(data.view, "cpu"));
    EXPECT_EQ(saliency(predictor, data), saliency(unused, data));
  }
}

TEST(Predictor, SeesWeightsThatWereChangedBetweenTwoCalls) {
  const Halves data;
  models::Model model = testing::lenet5();
  Predictor predictor(model);
  const auto logits = predictor.logits(data.view, "cpu");
  const auto gradients = saliency(predictor, data);
  double_weights(model);
  Predictor unused(model);
  EXPECT_NE(predictor.logits(data.view, "cpu"), logits);
  EXPECT_NE(saliency(predictor, data), gradients);
  EXPECT_EQ(saliency(predictor, data), saliency(unused, data));
  EXPECT_EQ(predictor.executors_made(), 2);
}

TEST(Predictor, LendsASecondUserAnExecutorOfItsOwn) {
  models::Model model = testing::lenet5();
  Predictor predictor(model);
  const auto first = predictor.lease_inspector();
  const auto second = predictor.lease_inspector();
  EXPECT_NE(&first.executor(), &second.executor());
  EXPECT_EQ(predictor.executors_made(), 2);
}

TEST(Predictor, MakesExecutorsAgainOnceTheyAreCleared) {
  const Halves data;
  models::Model model = testing::lenet5();
  Predictor predictor(model);
  const auto gradients = saliency(predictor, data);
  predictor.clear();
  EXPECT_EQ(saliency(predictor, data), gradients);
  EXPECT_EQ(predictor.executors_made(), 2);
}

}  // namespace
}  // namespace digitnet::engine
