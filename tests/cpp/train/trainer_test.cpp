#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "core/random.h"
#include "models/zoo.h"

namespace digitnet::train {
namespace {

// Forty 28x28 images of two classes: bright left or bright right halves.
struct Halves {
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  data::DatasetView view;

  Halves() {
    Draws draws(5, Stream::Split);
    for (int64_t i = 0; i < 40; ++i) {
      labels.push_back(i % 2);
      for (int64_t at = 0; at < 784; ++at) {
        const bool right = at % 28 >= 14;
        pixels.push_back(static_cast<uint8_t>(
            draws.below(60) + (right == (i % 2 == 1) ? 190 : 0)));
      }
    }
    view.images = {pixels.data(), data::PixelType::UInt8, 40, {1, 28, 28}};
    view.labels = labels.data();
    view.count = 40;
  }
};

models::Model lenet() {
  models::Model model(models::zoo::lenet5().make(2), {1, 28, 28},
                      {{"scale", {}}}, 3);
  model.preprocess().set_max_value(255);
  return model;
}

TEST(Fit, LearnsWithoutPython) {
  const Halves data;
  models::Model model = lenet();
  Config config;
  config.epochs = 6;
  config.batch_size = 8;
  double last = 0;
  Hooks hooks;
  hooks.epoch_done = [&](const Epoch& epoch) {
    last = epoch.val_accuracy;
    return false;
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
  models::Model first = lenet(), second = lenet();
  fit(first, data.view, {}, config, {});
  fit(second, data.view, {}, config, {});
  EXPECT_EQ(first.trained(), second.trained());
}

TEST(Fit, PassesOnWhatAHookThrowsAndKeepsTheModelWhole) {
  const Halves data;
  models::Model model = lenet();
  Hooks hooks;
  hooks.epoch_done = [](const Epoch&) -> bool {
    throw std::domain_error("mine");
  };
  EXPECT_THROW(fit(model, data.view, {}, Config{}, hooks), std::domain_error);
  for (float value : model.trained()) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace digitnet::train
