#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "halves.h"

namespace digitnet::train {
namespace {

using testing::Halves;
using testing::lenet5;

TEST(Fit, LearnsWithoutPython) {
  const Halves data;
  models::Model model = lenet5();
  Config config;
  config.epochs = 6;
  config.batch_size = 8;
  double last = 0;
  Hooks hooks;
  hooks.epoch_done = [&](const Epoch& epoch) {
    last = epoch.val_accuracy;
    return Request::GoOn;
  };
  const Outcome outcome = fit(model, data.view, data.view, config, hooks);
  EXPECT_EQ(outcome.status, Status::Finished);
  EXPECT_EQ(last, 1);
}

TEST(Fit, GivesTheSameBitsForTheSameSeed) {
  const Halves data;
  Config config;
  config.epochs = 2;
  config.augment = "shift 2px";
  models::Model first = lenet5(), second = lenet5();
  fit(first, data.view, {}, config, {});
  fit(second, data.view, {}, config, {});
  EXPECT_EQ(first.trained(), second.trained());
}

TEST(Fit, PassesOnWhatAHookThrowsAndKeepsTheModelWhole) {
  const Halves data;
  models::Model model = lenet5();
  Hooks hooks;
  hooks.epoch_done = [](const Epoch&) -> Request {
    throw std::domain_error("mine");
  };
  EXPECT_THROW(fit(model, data.view, {}, Config{}, hooks), std::domain_error);
  for (float value : model.trained()) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace digitnet::train
