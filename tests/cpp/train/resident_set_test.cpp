// Training on a set in the device's memory against batches of the host. A CPU
// keeps such a set only if the environment says so.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

#include "halves.h"
#include "train/trainer.h"

namespace digitnet::train {
namespace {

using testing::Environment;
using testing::Halves;

Config short_training() {
  Config config;
  config.epochs = 2;
  config.batch_size = 2;
  config.optimizer = {"sgd", {}};
  config.learning_rate = 0.02;
  config.augment = "shift 1px | noise 5%";
  config.ema_decay = 0.9;
  return config;
}

struct Result {
  std::vector<float> weights;
  Outcome outcome;
};

Result trained(const char* resident, const engine::Recorder& recorder = {}) {
  const Environment torch("DIGITNET_EXECUTOR", "torch");
  const Environment where("DIGITNET_RESIDENT", resident);
  constexpr int64_t kSide = 8;
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Hooks hooks;
  hooks.recorder = recorder;
  const Outcome outcome = fit(model, data.view, {}, short_training(), hooks);
  return {model.trained(), outcome};
}

engine::Recorder of_long_launches(
    std::function<engine::Work(const engine::Work&, const engine::Work&)>
        record) {
  engine::Recorder recorder{std::move(record)};
  recorder.launch_seconds = std::numeric_limits<double>::infinity();
  return recorder;
}

// Repeats work by doing it again, and counts.
struct CountingRecorder {
  int recorded = 0, repeated = 0;

  engine::Recorder recorder() {
    return of_long_launches(
        [this](const engine::Work& first, const engine::Work& work) {
          first();
          ++recorded;
          return [this, work] {
            ++repeated;
            work();
          };
        });
  }
};

TEST(ResidentSet, TrainsTheSameWeightsAsBatchesFromTheHost) {
  const Result host = trained("0"), resident = trained("1");
  EXPECT_EQ(host.outcome.loop, "");
  EXPECT_EQ(resident.outcome.loop,
            "the data in the device's memory, steps launched one by one");
  ASSERT_EQ(host.weights.size(), resident.weights.size());
  for (size_t i = 0; i < host.weights.size(); ++i)
    ASSERT_NEAR(host.weights[i], resident.weights[i], 2e-5) << "weight " << i;
}

TEST(ResidentSet, TrainsTheSameBitsByCapturedSteps) {
  CountingRecorder counting;
  const Result captured = trained("1", counting.recorder());
  EXPECT_EQ(
      captured.outcome.loop,
      "the data in the device's memory, captured steps, up to 16 a launch");
  // Twenty steps an epoch are sixteen and four single ones; the first of each
  // are done when they are recorded.
  EXPECT_EQ(counting.recorded, 2);
  EXPECT_EQ(counting.repeated, 2 * (1 + 4) - 2);
  EXPECT_EQ(captured.weights, trained("1").weights);
}

TEST(ResidentSet, TrainsStepByStepWhereTheDeviceCapturesNothing) {
  const engine::Recorder failing = of_long_launches(
      [](const engine::Work& first, const engine::Work&) -> engine::Work {
        first();
        throw std::runtime_error("no graphs here");
      });
  const Result single = trained("1", failing);
  EXPECT_EQ(single.outcome.loop,
            "the data in the device's memory, steps not captured: no graphs "
            "here");
  EXPECT_EQ(single.weights, trained("1").weights);
}

}  // namespace
}  // namespace digitnet::train
